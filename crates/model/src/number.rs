/// Writes a count with a comma between each three digits, as people read it: `3,120`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: u64, expect: &str) {
        assert_eq!(thousands(number), expect);
    }

    #[test]
    fn digits_stand_in_threes() {
        check(0, "0");
        check(999, "999");
        check(1000, "1,000");
        check(121_367_552, "121,367,552");
        check(u64::MAX, "18,446,744,073,709,551,615");
    }
}
