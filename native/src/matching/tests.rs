use super::slots::{ANY, ATOM, CODE, FIELD, HEX, KINDS, NUMBER, OPTIONAL, RUN, TOKEN};
use super::*;
use std::time::Instant;

type Parts = (Vec<Box<[u8]>>, Vec<u8>);

fn template(literals: &[&str], kinds: &[u8]) -> Parts {
    (literals.iter().map(|l| l.as_bytes().into()).collect(), kinds.to_vec())
}

fn table(templates: &[Parts]) -> Table {
    let mut table = Table::new(b"");
    for (literals, kinds) in templates {
        table.push(literals, kinds).unwrap();
    }
    table
}

fn padded(message: &[u8]) -> (Vec<u8>, Span) {
    let mut data = message.to_vec();
    data.resize(message.len() + 64, b'7');
    (data, Span { start: 0, end: message.len() as u32 })
}

fn values(data: &[u8], spans: &[Span]) -> Vec<String> {
    spans
        .iter()
        .map(|s| String::from_utf8_lossy(&data[s.start as usize..s.end as usize]).into_owned())
        .collect()
}

fn matched(templates: &[Parts], message: &str) -> (u32, Vec<String>) {
    let (data, m) = padded(message.as_bytes());
    let (mut spans, mut scratch) = (Vec::new(), Scratch::default());
    let t = table(templates).place(&data, m, &mut spans, &mut scratch);
    (t, values(&data, &spans))
}

fn single(literals: &[&str], kinds: &[u8], message: &str) -> Option<Vec<String>> {
    let (t, values) = matched(&[template(literals, kinds)], message);
    (t == 1).then_some(values)
}

#[test]
fn a_slot_takes_part_of_a_token() {
    assert_eq!(single(&["pid=", ", up"], &[FIELD], "pid=12, up"), Some(vec!["12".into()]));
    assert_eq!(single(&["pid=", ", up"], &[FIELD], "pid=, up"), None);
    assert_eq!(single(&["pid=", ", up"], &[OPTIONAL], "pid=, up"), Some(vec!["".into()]));
    assert_eq!(single(&["pid=", ", up"], &[FIELD], "pid=1 2, up"), None);
    assert_eq!(single(&["<", "-", ">"], &[FIELD; 2], "<a-b-c>"), Some(vec!["a".into(), "b-c".into()]));
    assert_eq!(single(&["<", "-c>"], &[FIELD], "<a-b-c>"), Some(vec!["a-b".into()]));
    assert_eq!(single(&["", "ms"], &[FIELD], "12msms"), Some(vec!["12ms".into()]));
}

#[test]
fn kinds_hold_what_they_say() {
    let holds = |kind: u8, value: &str| single(&["x=", ";"], &[kind], &format!("x={value};")).is_some();
    assert!(holds(CODE, "a1") && !holds(CODE, "ab") && !holds(CODE, "a 1"));
    assert!(holds(NUMBER, "-1.5") && holds(NUMBER, "1,000") && !holds(NUMBER, "1a") && !holds(NUMBER, "."));
    assert!(holds(HEX, "0xfF") && holds(HEX, "ff") && !holds(HEX, "0x") && !holds(HEX, "fg"));
    assert!(holds(RUN, "a b  c") && !holds(RUN, " a") && !holds(RUN, "a ") && !holds(RUN, ""));
    assert!(holds(ANY, " a ") && holds(ANY, "") && holds(OPTIONAL, "") && !holds(OPTIONAL, " "));
    assert!(holds(ATOM, "1.2.3.4:80") && !holds(ATOM, "word") && !holds(TOKEN, "a"));
    assert_eq!(single(&["", " b"], &[TOKEN], "a; b"), Some(vec!["a;".into()]));
}

#[test]
fn most_literal_bytes_win() {
    let t = [
        template(&["user ", ""], &[ANY]),
        template(&["user ", " left"], &[FIELD]),
        template(&["user root", ""], &[RUN]),
        template(&["", " root left"], &[FIELD]),
        template(&["user root left"], &[]),
        template(&["user ", " left"], &[NUMBER]),
    ];
    assert_eq!(matched(&t, "user root left").0, 5);
    assert_eq!(matched(&t, "user amy left"), (2, vec!["amy".into()]));
    assert_eq!(matched(&t, "user 12 left"), (6, vec!["12".into()]));
    assert_eq!(matched(&t, "user amy gone"), (1, vec!["amy gone".into()]));
    assert_eq!(matched(&t, "user rooted"), (3, vec!["ed".into()]));
}

#[test]
fn the_order_of_templates_decides_nothing() {
    let mut t = vec![
        template(&["a ", " c"], &[FIELD]),
        template(&["a ", ""], &[RUN]),
        template(&["", " b c"], &[CODE]),
        template(&["a", "b c"], &[ANY]),
    ];
    let forward = matched(&t, "a b c");
    t.reverse();
    let backward = matched(&t, "a b c");
    assert_eq!(forward.1, backward.1);
    assert_eq!(forward.0, 5 - backward.0);
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
    fn text(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most)).map(|_| b"ab1 .-"[self.below(6) as usize]).collect()
    }
}

#[test]
fn the_tree_finds_what_single_fits_find() {
    let mut random = Random(1);
    let kinds: Vec<u8> = KINDS.collect();
    let mut hits = 0;
    for _ in 0..300 {
        let templates: Vec<Parts> = (0..random.below(12) + 1)
            .map(|_| {
                let n = random.below(4) as usize;
                let literals = (0..=n).map(|_| random.text(4).into()).collect();
                (literals, (0..n).map(|_| kinds[random.below(kinds.len() as u64) as usize]).collect())
            })
            .collect();
        let t = table(&templates);
        let delimiters = Delimiters::new(b"");
        for _ in 0..60 {
            let (data, m) = padded(&random.text(12));
            let (mut spans, mut scratch) = (vec![Span { start: 3, end: 4 }], Scratch::default());
            let found = t.find(&data, m, &mut spans, &mut scratch);
            let literal = |t: u32| templates[t as usize - 1].0.iter().map(|l| l.len()).sum::<usize>();
            let mut best = None;
            for (i, (literals, kinds)) in templates.iter().enumerate() {
                let mut own = Vec::new();
                if fit(literals, kinds, &delimiters, &data, m, &mut own) {
                    let rendered: usize = own.iter().map(|s| (s.end - s.start) as usize).sum();
                    assert_eq!(rendered + literal(i as u32 + 1), m.end as usize);
                    best = best.max(Some(literal(i as u32 + 1)));
                    if i as u32 + 1 == found {
                        assert_eq!(own, spans[1..]);
                    }
                }
                if kinds.iter().all(|k| slots::is_plain(*k)) {
                    let mut plain = Vec::new();
                    let fits = crate::drain::extract(literals, kinds, &delimiters, &data, m, &mut plain);
                    let mut own = Vec::new();
                    assert_eq!(fits, fit(literals, kinds, &delimiters, &data, m, &mut own));
                    assert_eq!(plain, own);
                }
            }
            assert_eq!((found != NONE).then(|| literal(found)), best);
            assert!(found != NONE || spans.len() == 1);
            hits += usize::from(found != NONE);
        }
    }
    assert!(hits > 1000);
}

#[test]
fn hostile_messages_take_bounded_time() {
    let fields = vec![FIELD; 12];
    let mut literals: Vec<&str> = vec![""];
    literals.extend(["a"; 11]);
    literals.push("b");
    let runs = vec![RUN; 12];
    let mut templates = vec![template(&literals, &fields), template(&literals, &runs)];
    templates.extend((0..2000).map(|i| template(&["", &format!("x{i}"), "y"], &[ANY, RUN])));
    let t = table(&templates);
    let delimiters = Delimiters::new(b"");
    let started = Instant::now();
    for message in [vec![b'a'; 1 << 20], b"a ".repeat(1 << 19), b"x1".repeat(1 << 19)] {
        let (data, m) = padded(&message);
        let (mut spans, mut scratch) = (Vec::new(), Scratch::default());
        assert_eq!(t.place(&data, m, &mut spans, &mut scratch), 0);
        assert_eq!(spans, [m]);
        for (literals, kinds) in &templates[..3] {
            assert!(!fit(literals, kinds, &delimiters, &data, m, &mut spans));
        }
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_template_of_the_wrong_form_is_refused() {
    assert!(Table::new(b"").push(&[], &[]).is_err());
    assert!(Table::new(b"").push(&[b"a"[..].into()], &[FIELD]).is_err());
}
