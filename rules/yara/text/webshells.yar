// Pages by which whoever knows their address runs code on a web server.

rule WebShellVariableFunction {
    meta:
        id = "S-YARA-WEBSHELL"
        title = "Web shell"
        why = "A page runs what a request carries, hidden in a way that no application needs. Whoever knows its address, and mostly a password, has the rights of the web server. Images for training carry such pages and declare it, so that it corroborates."
        advice = "Remove the page, and look at how it came into the image and what it was used for."
        severity = "high"
        techniques = "T1505.003"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $get = "$_GET"
        $post = "$_POST"
        $request = "$_REQUEST"
        $cookie = "$_COOKIE"
        $call = /\$_(GET|POST|REQUEST|COOKIE)\s{0,4}\[[^\]\n]{1,60}\]\s{0,4}\(\s{0,4}[@$]/
    condition:
        ($get or $post or $request or $cookie) and $call
}

rule WebShellPacked {
    meta:
        id = "S-YARA-WEBSHELL"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $one = "gzinflate"
        $two = "gzuncompress"
        $three = "str_rot13"
        $four = "gzdecode"
        $run = /(eval|assert|create_function)\s{0,4}\(\s{0,4}(\/\*.{0,40}\*\/)?\s{0,4}(gzinflate|gzuncompress|str_rot13|gzdecode|base64_decode|strrev)\s{0,4}\(\s{0,4}(gzinflate|gzuncompress|str_rot13|gzdecode|base64_decode|strrev)\s{0,4}\(/ nocase
    condition:
        any of ($one, $two, $three, $four) and $run
}

rule WebShellDecodesRequest {
    meta:
        id = "S-YARA-WEBSHELL"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $get = "$_GET"
        $post = "$_POST"
        $request = "$_REQUEST"
        $cookie = "$_COOKIE"
        $server = "$_SERVER['HTTP_"
        $run = /(eval|assert|create_function|system|passthru|shell_exec|proc_open|popen)\s{0,4}\(\s{0,4}@?(base64_decode|gzinflate|str_rot13|openssl_decrypt|hex2bin|urldecode|strrev)\s{0,4}\(.{0,40}\$_(GET|POST|REQUEST|COOKIE|SERVER)/ nocase
    condition:
        any of ($get, $post, $request, $cookie, $server) and $run
}

rule WebShellConsole {
    meta:
        id = "S-YARA-WEBSHELL"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $files = "$_FILES"
        $post = "$_POST"
        $owner = "posix_getpwuid"
        $uname = "php_uname"
        $off = "disable_functions"
        $mode = "fileperms"
        $run = /(passthru|shell_exec|proc_open|popen|system)\s{0,4}\(/
    condition:
        $files and $post and $run and $off and $uname and ($owner or $mode)
}

rule WebShellBuiltName {
    meta:
        id = "S-YARA-WEBSHELL"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $get = "$_GET"
        $post = "$_POST"
        $request = "$_REQUEST"
        $cookie = "$_COOKIE"
        $xor = /=\s{0,4}\(?["'][^"'\n]{1,12}["']\s{0,4}\^\s{0,4}["'][^"'\n]{1,12}["']/
        $call = /\$[A-Za-z_0-9{}]{1,24}\s{0,4}\(\s{0,4}@?\$_(GET|POST|REQUEST|COOKIE)/
    condition:
        ($get or $post or $request or $cookie) and $xor and $call
}

rule WebShellJavaCommand {
    meta:
        id = "S-YARA-WEBSHELL"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $param = "request.getParameter("
        $run = "getRuntime().exec("
        $run2 = "new ProcessBuilder("
        $page = "<%"
    condition:
        $page and $param and ($run or $run2)
}

rule WebShellJavaClass {
    meta:
        id = "S-YARA-WEBSHELL"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $define = "defineClass("
        $loader = "ClassLoader"
        $cipher = "Cipher.getInstance("
        $request = "request.get"
        $page = "<%"
        $code = "BASE64Decoder"
        $code2 = "Base64"
    condition:
        $page and $define and $loader and $request and ($cipher or $code or $code2)
}

rule WebShellDotNet {
    meta:
        id = "S-YARA-WEBSHELL"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $page = "<%@ Page"
        $page2 = "<%@Page"
        $page3 = "<%@ page"
        $item = /Request(\.(Item|Form|QueryString))?\s{0,2}[\[(]\s{0,2}"/
        $eval = "eval("
        $start = "Process.Start"
        $shell = "cmd.exe"
        $unsafe = "unsafe"
    condition:
        ($page or $page2 or $page3) and $item and (($eval and $unsafe) or ($start and $shell))
}
