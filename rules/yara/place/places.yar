// What a file is worth by where it lies. These rules see no bytes; they ask what the rules about content found.
import "image"

rule WebShellInWebRoot {
    meta:
        id = "S-YARA-WEBROOT-SHELL"
        title = "Web shell where a web server serves it"
        why = "A page that is a web shell by its content lies in a folder whose pages web servers serve, and no package brought it."
        advice = "Remove the page, and look at how it came into the image."
        severity = "high"
        techniques = "T1505.003"
        author = "Roadstead"
        license = "Apache-2.0"
    condition:
        image.live and not image.owned and
        (image.path startswith "/var/www/" or image.path startswith "/usr/share/nginx/" or image.path startswith "/srv/" or
         image.path contains "/htdocs/" or image.path contains "/webapps/" or image.path contains "/public_html/") and
        (image.hit["WebShellVariableFunction"] or image.hit["WebShellPacked"] or image.hit["WebShellDecodesRequest"] or
         image.hit["WebShellConsole"] or image.hit["WebShellBuiltName"] or image.hit["WebShellJavaCommand"] or
         image.hit["WebShellJavaClass"] or image.hit["WebShellDotNet"])
}

rule ImplantHidden {
    meta:
        id = "S-YARA-HIDDEN-IMPLANT"
        title = "Miner or implant in a hidden place"
        why = "A program that is a miner, bot or rootkit by its content has a hidden name, or lies where only temporary files do, and no package brought it. Whoever offers such a program openly has no reason to hide it."
        advice = "Do not run the image. Look at what starts the program."
        severity = "high"
        techniques = "T1564.001"
        author = "Roadstead"
        license = "Apache-2.0"
    condition:
        image.live and not image.owned and image.executable and
        (image.path startswith "/tmp/" or image.path startswith "/var/tmp/" or image.path startswith "/dev/" or
         image.path matches /\/\.[^\/]{1,60}$/ or image.path matches /\/\.{3,9}\//) and
        (image.hit["MinerPoolProtocol"] or image.hit["MinerLoginProtocol"] or image.hit["MinerHttpInterface"] or
         image.hit["MinerTunesHost"] or image.hit["BotSilencesWatchdog"] or image.hit["BotFloods"] or
         image.hit["ImplantGuardsPreload"] or image.hit["PretendsKernelThread"] or image.hit["ShellcodeConnectsShell"])
}

rule ExploitAsRoot {
    meta:
        id = "S-YARA-EXPLOIT-START"
        title = "Start of the image runs a tool for leaving containers as root"
        why = "What the image starts leads to a tool that looks for ways out of the container, and it runs as root. An image for tests of security says so in its name or description."
        advice = "Do not run the image, least of all with privileges."
        severity = "high"
        techniques = "T1611 T1613"
        author = "Roadstead"
        license = "Apache-2.0"
    condition:
        image.live and image.reached and not image.owned and
        (image.hit["EscapeToolkit"] or image.hit["EscapeCgroupAgent"] or image.hit["EscapeEnumeration"]) and
        (image.user == "" or image.user == "root" or image.user == "0" or image.user startswith "0:" or
         image.user startswith "root:")
}
