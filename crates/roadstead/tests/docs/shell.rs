//! The commands of a script, word by word, without running it. It reads as much of the shell as documentation uses.

/// The simple commands of a script, those in `$(…)` included, without redirections and without variables set before them.
pub(crate) fn commands(script: &str) -> Vec<Vec<String>> {
    let mut reader = Reader { letters: script.chars().collect(), at: 0, found: Vec::new() };
    while reader.at < reader.letters.len() {
        reader.list(None);
        reader.at += 1;
    }
    let mut found = reader.found;
    for command in &mut found {
        let before = command.iter().take_while(|word| is_assignment(word) || is_grammar(word)).count();
        command.drain(..before);
    }
    found.retain(|command| !command.is_empty());
    found
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Words of the shell after which a command stands.
fn is_grammar(word: &str) -> bool {
    [
        "if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "fi", "done", "sudo", "time",
        "exec",
    ]
    .contains(&word)
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    found: Vec<Vec<String>>,
}

impl Reader {
    fn next(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    /// Reads commands until the end, or until the letter that closes them.
    fn list(&mut self, close: Option<char>) {
        let mut words: Vec<String> = Vec::new();
        // The file of a redirection is no word of the command.
        let mut skip = false;
        while let Some(letter) = self.next(0) {
            if Some(letter) == close {
                break;
            }
            match letter {
                '\\' if self.next(1) == Some('\n') => self.at += 2,
                '\n' | ';' | '|' | '(' | ')' => {
                    self.found.push(std::mem::take(&mut words));
                    self.at += 1;
                }
                '&' if self.next(1) == Some('>') => self.at += 1,
                '&' => {
                    self.found.push(std::mem::take(&mut words));
                    self.at += 1;
                }
                '#' => {
                    while self.next(0).is_some_and(|letter| letter != '\n') {
                        self.at += 1;
                    }
                }
                '>' | '<' => {
                    // `2>` begins with the number of a descriptor.
                    let is_number =
                        self.at.checked_sub(1).is_some_and(|before| self.letters[before].is_ascii_digit());
                    if is_number && words.last().is_some_and(|word| word.len() == 1) {
                        words.pop();
                    }
                    while self.next(0).is_some_and(|letter| "<>&".contains(letter)) {
                        self.at += 1;
                    }
                    skip = true;
                }
                letter if letter.is_whitespace() => self.at += 1,
                _ => {
                    let word = self.word(close);
                    if !std::mem::take(&mut skip) {
                        words.push(word);
                    }
                }
            }
        }
        self.found.push(words);
    }

    fn word(&mut self, close: Option<char>) -> String {
        let mut word = String::new();
        let mut quote: Option<char> = None;
        while let Some(letter) = self.next(0) {
            match (letter, quote) {
                ('\'', None) | ('"', None) => quote = Some(letter),
                (letter, Some(open)) if letter == open => quote = None,
                ('$', None | Some('"')) if self.next(1) == Some('(') => {
                    self.at += 2;
                    self.list(Some(')'));
                    word.push_str("VALUE");
                }
                ('\\', None | Some('"')) => {
                    if self.next(1) != Some('\n') {
                        word.extend(self.next(1));
                    }
                    self.at += 1;
                }
                (letter, None)
                    if letter.is_whitespace() || ";|&()<>".contains(letter) || Some(letter) == close =>
                {
                    break;
                }
                (letter, _) => word.push(letter),
            }
            self.at += 1;
        }
        word
    }
}

#[test]
fn commands_are_found_as_the_shell_finds_them() {
    fn check(script: &str, expect: &[&[&str]]) {
        assert_eq!(commands(script), expect, "{script}");
    }
    check("roadstead scan a # why\n", &[&["roadstead", "scan", "a"]]);
    check("a 'b c' \"d $e\" \\\n  f\n", &[&["a", "b c", "d $e", "f"]]);
    check("X=1 Y=2 a && sudo b | c; d", &[&["a"], &["b"], &["c"], &["d"]]);
    check("X=$(curl -s y | jq .z)\nb", &[&["curl", "-s", "y"], &["jq", ".z"], &["b"]]);
    check("a > out.json 2>&1 < in b", &[&["a", "b"]]);
    check("curl \"$(roadstead doctor)\" end", &[&["roadstead", "doctor"], &["curl", "VALUE", "end"]]);
    check("a --json '{\"x\":1}' b &", &[&["a", "--json", "{\"x\":1}", "b"]]);
    check("# only a comment\n\n", &[]);
    check("if roadstead doctor; then x; fi", &[&["roadstead", "doctor"], &["x"]]);
}
