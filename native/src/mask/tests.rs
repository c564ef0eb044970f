use super::program::{Program, Stack};
use super::syntax::parse;
use super::*;

fn runs(syntax: &str, text: &str) -> Option<(usize, usize, usize)> {
    let program = Program::compile(&parse(syntax.as_bytes()).unwrap()).unwrap();
    let mut stack = Stack::default();
    let text = text.as_bytes();
    (0..text.len()).filter(|p| program.can_begin(text, *p)).find_map(|p| program.run(text, p, &mut stack))
}

#[test]
fn expressions_mean_what_they_mean_in_python() {
    assert_eq!(runs(r"[a-c]{2,3}d", "xabcd"), Some((1, 5, 5)));
    assert_eq!(runs(r"(?:ab|a)(?:bc|c)?x", "abcx"), Some((0, 4, 4)));
    assert_eq!(runs(r"a[^\s]{0,5}b", "a b aabbxb"), Some((4, 10, 10)));
    assert_eq!(runs(r"(?<![0-9a-z])[0-9]+(?![0-9a-z])", "a1 22b 3"), Some((7, 8, 8)));
    assert_eq!(runs(r"(?<=://)\S{1,9}", "see x://y/z ok"), Some((8, 11, 11)));
    assert_eq!(runs(r"(?:\A|(?<= ))b(?=[cd])", "ab bc"), Some((3, 4, 4)));
    assert_eq!(runs(r"get (?P<v>[a-z]{1,9})!", "get it!"), Some((4, 6, 7)));
    assert_eq!(runs(r"(?=[a-f]{0,9}[0-9])[0-9a-f]{4}", "abcdab1d"), Some((0, 4, 4)));
    assert_eq!(runs(r"x(?:\.[0-9]{1,3}){3}", "x.1.2.33.4"), Some((0, 8, 8)));
    assert_eq!(runs(r"a{3}", "aa"), None);
    assert_eq!(runs(r"[]a-]+", "b]-a"), Some((1, 4, 4)));
}

#[test]
fn what_is_not_understood_is_refused() {
    let bad = [
        "(", ")", "a**", "a*?", "a{2", "a{3,2}", "[a", "[z-a]", "(?#x)", "\\b", "a$", "^a", "\\xg0",
        "(?P=v)", "(?P<v", "(?i)a", "a{99999}", "\\",
    ];
    for syntax in bad {
        let compiled = parse(syntax.as_bytes()).and_then(|node| Program::compile(&node).map(|_| ()));
        assert!(compiled.is_err(), "{syntax}");
    }
    for syntax in ["a*", "", "(?=a)", "(?:ab)*c", "(?<=a+)b", "(?:(?:(?:ab){99}){99}){99}"] {
        assert!(Program::compile(&parse(syntax.as_bytes()).unwrap()).is_err(), "{syntax}");
    }
    assert!(parse("(".repeat(100_000).as_bytes()).is_err());
}

fn lexer(rules: &[(u8, &str)]) -> Lexer {
    let rules = rules.iter().map(|&(mask, syntax)| Rule { mask, syntax: syntax.as_bytes() }).collect();
    Lexer::new(&Options {
        rules,
        member: br"(?<![0-9a-z])(?P<letters>[a-z]{1,9})[0-9]{1,9}(?![0-9a-z])",
        list: 9,
        unit: br" (?:ms|s)(?=[,)])",
        number: 1,
        quantity: 8,
        window: 40,
        rest: 7,
    })
    .unwrap()
}

fn found(lexer: &Lexer, message: &str) -> Vec<Found> {
    let mut found = vec![(0, 0, 0)];
    lexer.find(message.as_bytes(), &mut found, &mut Scratch::default());
    found
}

#[test]
fn the_first_rule_wins_and_the_rest_of_a_token_is_looked_at() {
    let l = lexer(&[(2, r"[0-9]+\.[0-9]+"), (1, r"(?<![0-9a-z])[0-9]+(?![0-9a-z])")]);
    assert_eq!(found(&l, "a 1.5/7 b7"), [(2, 5, 2), (6, 7, 1)]);
    assert_eq!(found(&l, "no an1 an2,an3 an"), [(3, 14, 9)]);
    assert_eq!(
        found(&l, "(3 ms) 3 ms (x) 4 s, (5 s, 6 s)"),
        [(1, 5, 8), (7, 8, 1), (16, 17, 1), (22, 25, 8), (27, 30, 8)]
    );
    let long = format!("{} 1234 5", "x".repeat(37));
    assert_eq!(found(&l, &long), [(38, 44, 7)]);
}

#[test]
fn equal_masked_messages_are_one_row_and_the_bound_holds() {
    let l = lexer(&[(1, r"[0-9]+")]);
    let mut rows = Rows::new(2, 1000);
    let mut scratch = Scratch::default();
    let mut spans = Vec::new();
    let mut row = |message: &[u8]| {
        l.find(message, &mut spans, &mut scratch);
        rows.row(message, &spans)
    };
    assert_eq!(row(b"a 1 \xff"), Some(0));
    assert_eq!(row(b"b 1"), Some(1));
    assert_eq!(row(b"a 22 \xff"), Some(0));
    assert_eq!(row(b"c"), None);
    assert_eq!(row(b"b 7"), Some(1));
    assert_eq!(rows.ends, [0, 7, 11]);
    assert_eq!(std::str::from_utf8(&rows.text).unwrap(), "a \u{101} \u{ff}b \u{101}");
}
