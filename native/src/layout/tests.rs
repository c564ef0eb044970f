//! Behaviour, the invariant over random layouts and lines, hostile input, and the bench.

use super::*;

/// Lower-case letters are fields (with a check as a digit after them), `M` the message, `_` a run of
/// blanks, `~` a literal blank, anything else itself. Alternatives are separated by newlines.
fn program(spec: &str) -> Vec<u8> {
    let names: Vec<char> = {
        let mut names: Vec<char> = spec.chars().filter(char::is_ascii_lowercase).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let mut out = MAGIC.to_vec();
    out.push(1);
    out.extend((names.len() as u16).to_le_bytes());
    let alternatives: Vec<&str> = spec.split('\n').collect();
    out.push(alternatives.len() as u8);
    for alternative in alternatives {
        let mut items = Vec::new();
        let mut count = 0u16;
        let mut chars = alternative.chars().peekable();
        while let Some(c) = chars.next() {
            count += 1;
            match c {
                'M' => items.push(4),
                '_' => items.push(2),
                '~' => items.extend([1, 1, b' ']),
                c if c.is_ascii_lowercase() => {
                    let check = chars.next_if(char::is_ascii_digit);
                    let field = names.iter().position(|&n| n == c).unwrap() as u8;
                    items.extend([3, field, check.map_or(0, |d| d as u8 - b'0')]);
                }
                c => items.extend([1, 1, c as u8]),
            }
        }
        out.extend(count.to_le_bytes());
        out.extend(items);
    }
    out
}

fn keys(kind: u8, fields: &[&str], messages: &[&str]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.push(kind);
    out.extend((fields.len() as u16).to_le_bytes());
    let push = |out: &mut Vec<u8>, key: &str| {
        out.extend((key.len() as u16).to_le_bytes());
        out.extend(key.as_bytes());
    };
    for key in fields {
        push(&mut out, key);
    }
    out.extend((messages.len() as u16).to_le_bytes());
    for key in messages {
        push(&mut out, key);
    }
    out
}

/// Fields and message as text, and the line joined again from the shape; `None` if it does not fit.
fn split(program: &[u8], line: &[u8]) -> Option<(Vec<String>, String)> {
    let (fields, message, shape) = split_for_test(program, line)?;
    let mut reader = Reader { rest: &shape };
    let count = reader.take(4).unwrap();
    let count = u32::from_le_bytes(count.try_into().unwrap()) as usize;
    let targets: Vec<i32> =
        (0..count).map(|_| i32::from_le_bytes(reader.take(4).unwrap().try_into().unwrap())).collect();
    let mut joined = Vec::new();
    for i in 0..=count {
        let length = u32::from_le_bytes(reader.take(4).unwrap().try_into().unwrap());
        joined.extend_from_slice(reader.take(length as usize).unwrap());
        if let Some(&target) = targets.get(i) {
            let (a, b) = usize::try_from(target).map_or(message, |f| fields[f]);
            joined.extend_from_slice(&line[a as usize..b as usize]);
        }
    }
    assert_eq!(joined, line, "{:?}", String::from_utf8_lossy(line));
    let text = |(a, b): (u32, u32)| String::from_utf8_lossy(&line[a as usize..b as usize]).into_owned();
    Some((fields.iter().map(|&f| text(f)).collect(), text(message)))
}

fn check(spec: &str, line: &str, fields: &[&str], message: &str) {
    let found = split(&program(spec), line.as_bytes());
    let expected = fields.iter().map(|f| f.to_string()).collect();
    assert_eq!(found, Some((expected, message.to_string())), "{line}");
}

fn refuse(spec: &str, line: &str) {
    assert_eq!(split(&program(spec), line.as_bytes()), None, "{line}");
}

#[test]
fn a_field_ends_where_what_follows_first_matches() {
    check("a_b_c:_M", "x y z: m: n", &["x", "y", "z"], "m: n");
    check("a_b_c:_M", "x y z:q r: n", &["x", "y", "z:q r"], "n");
    check("a|b|M", "||", &["", ""], "");
    check("a_-_M", "b -c - d", &["b -c"], "d");
    check("a,_M", "1,2,\t3", &["1,2"], "3");
    check("M", "", &[], "");
    refuse("a_b_c:_M", "x y z:");
    refuse("a_b_c:_M", "");
}

#[test]
fn a_run_of_blanks_is_taken_whole_and_kept() {
    check("a_b_M", "x  \t y    z ", &["x", "y"], "z ");
    check("a_M", " x", &[""], "x");
    check("a~M", "x  y", &["x"], " y");
    let long = format!("x{}y", " ".repeat(3000));
    check("a_M", &long, &["x"], "y");
    let too_long = format!("x{}y", " ".repeat(30_000));
    refuse("a_M", &too_long);
}

#[test]
fn the_option_is_taken_when_it_is_there_and_not_sought_in_the_message() {
    let spec = "a_b[c]:_M\na_b:_M";
    check(spec, "h su[12]: m", &["h", "su", "12"], "m");
    check(spec, "h su: m [1]: x", &["h", "su", ""], "m [1]: x");
    check(spec, "h su[x: m", &["h", "su[x", ""], "m");
    check(spec, "h a[1]b[2]: m", &["h", "a", "1]b[2"], "m");
    let checked = "a_b[c1]:_M\na_b:_M";
    check(checked, "h su[x]: m", &["h", "su[x]", ""], "m");
    check(checked, "h su[7]: m", &["h", "su", "7"], "m");
}

#[test]
fn an_option_may_begin_or_end_the_line() {
    let spec = "<p1>a4_M\na4_M";
    check(spec, "<13>info m", &["info", "13"], "m");
    check(spec, "info m", &["info", ""], "m");
    refuse(spec, "<x>info m");
    let tail = "\"M\"_a9_\"b\"\n\"M\"_a9";
    check(&tail.replace('9', ""), "\"m\" 1 \"x\"", &["1", "x"], "m");
}

#[test]
fn a_message_that_is_not_last_tries_further_places() {
    let spec = "a_M_(b3)";
    check(spec, "i m (x y) n (l)", &["i", "l"], "m (x y) n");
    check(spec, "i m  (l)", &["i", "l"], "m");
    refuse(spec, "i m (l) n");
    refuse(spec, "i m (l");
    let many = format!("i m{} e", " (x y)".repeat(100));
    refuse(spec, &many);
    let optional = "a_M_(b3)\na_M";
    check(optional, &many, &["i", ""], &many[2..]);
    check(optional, "i m (x) (l)", &["i", "l"], "m (x)");
    check("\"M\"_a1_b", "\"x\" y\" 200 z", &["200", "z"], "x\" y");
    check("M:a", "b:c:d", &["c:d"], "b");
    check("M_:_a3", "b   :  c d :  e", &["e"], "b   :  c d");
}

#[test]
fn lines_of_other_fields_are_refused_by_checks() {
    let spec = "a9_b8_c4_d3:_M";
    check(spec, "2015-10-18 18:01:47,978 INFO x.Y: m", &["2015-10-18", "18:01:47,978", "INFO", "x.Y"], "m");
    refuse(spec, "\tat x.Y(Z.java:12): m");
    refuse(spec, "2015-10-18 18:01:47,978 FOO x.Y: m");
    refuse(spec, "2015-10-18 18:01:47,978 INFO x Y: m");
    check("M[a3_", "x[y ", &["y"], "x");
    refuse("M[a3_", "x[y z ");
}

#[test]
fn members_become_fields_whatever_their_order_and_spacing() {
    let json = keys(2, &["ts", "level", "n", "msg"], &["message", "msg"]);
    let found = |line: &str| split(&json, line.as_bytes());
    let rows =
        |fields: [&str; 4], message: &str| Some((fields.map(String::from).to_vec(), message.to_string()));
    assert_eq!(
        found(r#"{"ts":1.5e3,"level":"info","message":"a \"b\" {c}","n":{"x":["}"]}}"#),
        rows(["1.5e3", "info", r#"{"x":["}"]}"#, ""], r#"a \"b\" {c}"#)
    );
    assert_eq!(found(r#" { "msg" : "m" , "ts" : null } "#), rows(["null", "", "", ""], "m"));
    assert_eq!(found(r#"{"msg":"m","message":"","ts":true}"#), rows(["true", "", "", "m"], ""));
    for bad in [
        "",
        "{}",
        "{",
        "x",
        r#"{"ts":1}"#,
        r#"{"msg":"m","other":1}"#,
        r#"{"msg":"m","ts":1,"ts":2}"#,
        r#"{"msg":"m""#,
        r#"{"msg":"m"}x"#,
        r#"{"msg":"m",}"#,
        r#"{"msg":}"#,
        r#"{"msg":"m\"}"#,
        r#"{"msg":[1}"#,
        r#"["msg"]"#,
        r#"{"msg" "m"}"#,
        r#"{"msg":"m" "ts":1}"#,
    ] {
        assert_eq!(found(bad).filter(|_| bad != r#"{"msg":[1}"#), None, "{bad}");
    }

    let logfmt = keys(3, &["ts", "level"], &["msg"]);
    let found = |line: &str| split(&logfmt, line.as_bytes());
    let rows =
        |fields: [&str; 2], message: &str| Some((fields.map(String::from).to_vec(), message.to_string()));
    assert_eq!(found(r#"level=info  msg="a=\"b\" c" ts=1 "#), rows(["1", "info"], r#"a=\"b\" c"#));
    assert_eq!(found("msg="), rows(["", ""], ""));
    for bad in ["", " ", "ts=1", "msg=a b", "msg=a msg=b", "msg=\"a", "msg=\"a\"b", "=a msg=b", "msg=a x=1"] {
        assert_eq!(found(bad), None, "{bad}");
    }
}

#[test]
fn shape_numbers_do_not_depend_on_who_finds_them() {
    let layout = Layout::compile(&program("a_b[c]:_M\na_b:_M")).unwrap();
    let mut shapes = layout.new_shapes();
    assert_eq!(shapes.len(), 3);
    let mut fields = [Span::default(); 3];
    let (mut message, mut key) = (Span::default(), Vec::new());
    let data = b"..h  s: m..";
    let first = layout.split(&shapes, data, 2, 9, &mut fields, &mut message, &mut key);
    assert_eq!(first, Split::New);
    assert_eq!(shapes.insert(&key), Some(3));
    let again = layout.split(&shapes, data, 2, 9, &mut fields, &mut message, &mut key);
    assert_eq!(again, Split::Known(3));
    assert_eq!((fields[2], message), (Span { start: 2, end: 2 }, Span { start: 8, end: 9 }));
    let none = layout.split(&shapes, data, 2, 5, &mut fields, &mut message, &mut key);
    assert_eq!((none, message), (Split::None, Span { start: 2, end: 5 }));
    let single = layout.split(&shapes, b"h s: m", 0, 6, &mut fields, &mut message, &mut key);
    assert_eq!(single, Split::Known(2));
    // A failed first alternative saw a double blank; the line itself has none in its shape.
    let mixed = layout.split(&shapes, b"h s: [x]:  m", 0, 12, &mut fields, &mut message, &mut key);
    assert_eq!(mixed, Split::Known(2));
    let (separators, targets) = shapes.separators_and_fields(3);
    assert_eq!(separators, vec![&b""[..], b"  ", b": ", b""]);
    assert_eq!(targets, vec![0, 1, -1]);
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }
    fn pick(&mut self, from: &[u8], n: usize) -> Vec<u8> {
        (0..n).map(|_| from[self.below(from.len())]).collect()
    }
}

#[test]
fn joining_gives_the_line_for_any_layout_and_any_line() {
    let mut random = Random(88172645463325252);
    let mut fitted = 0;
    for _ in 0..3000 {
        let spec: Vec<String> = (0..1 + random.below(3))
            .map(|_| {
                let n = random.below(14);
                String::from_utf8(random.pick(b"a1bcd3e7_:[]-~M_:", n)).unwrap() + "_M"
            })
            .collect();
        let program = program(&spec.join("\n"));
        if Layout::compile(&program).is_err() {
            continue;
        }
        for _ in 0..20 {
            let n = random.below(24);
            let line = random.pick(b"a1 \t::[]-  \xff\x00 ", n);
            fitted += split(&program, &line).is_some() as usize;
        }
    }
    assert!(fitted > 500, "{fitted}");
    for kind in [2, 3] {
        let program = keys(kind, &["a", "b"], &["m", "a"]);
        for _ in 0..20_000 {
            let mut line = Vec::new();
            for _ in 0..random.below(12) {
                let words: &[&[u8]] = &[
                    b"\"a\"", b"\"m\":", b":", b",", b"{", b"}", b"[", b"]", b"\\", b"\"", b" ", b"a=",
                    b"m=", b"b=1", b"1", b"\"\":", b"{\"m\":", b"\xff",
                ];
                line.extend_from_slice(words[random.below(words.len())]);
            }
            split(&program, &line);
        }
    }
}

#[test]
fn a_hostile_program_is_refused_and_never_panics() {
    for (spec, why) in [
        ("a_b", "no message"),
        ("ab_M", "nothing between"),
        ("aM", "nothing between"),
        ("a_a_M", "twice"),
        ("a_M_M", "twice"),
        ("a_~M", "literal blank"),
        ("a~_M", "literal blank"),
    ] {
        let error = Layout::compile(&program(spec)).err().unwrap_or_default();
        assert!(error.contains(why), "{spec}: {error}");
    }
    let mut random = Random(1234567);
    let good = [program("a_b[c1]:_M\na_b:_M"), keys(2, &["a", "b"], &["m", "b"])];
    for good in good {
        assert!(Layout::compile(&good).is_ok());
        for cut in 0..good.len() {
            assert!(Layout::compile(&good[..cut]).is_err());
        }
        assert!(Layout::compile(&[&good[..], b"x"].concat()).is_err());
        for _ in 0..20_000 {
            let mut bad = good.clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(bad.len());
                bad[at] = [0, 1, 2, 3, 4, 255, b' '][random.below(7)];
            }
            split(&bad, b"a  b[1]: m");
            split(&bad, br#"{"a":1,"m":2}"#);
        }
    }
    let many = vec!["a_M"; 65].join("\n");
    assert!(Layout::compile(&program(&many)).is_err());
    let long = ":".repeat(5000) + "a_M";
    assert!(Layout::compile(&program(&long)).is_err());
}

#[test]
fn spans_that_do_not_fit_the_data_or_the_layout_are_no_header() {
    let layout = Layout::compile(&program("a_M")).unwrap();
    let shapes = layout.new_shapes();
    let (mut message, mut key) = (Span::default(), Vec::new());
    let mut none: [Span; 0] = [];
    let found = layout.split(&shapes, b"a b", 0, 3, &mut none, &mut message, &mut key);
    assert_eq!((found, message), (Split::None, Span { start: 0, end: 3 }));
    let mut one = [Span::default()];
    let found = layout.split(&shapes, b"a b", 9, 99, &mut one, &mut message, &mut key);
    assert_eq!((found, message), (Split::None, Span { start: 3, end: 3 }));
}

#[test]
fn a_huge_hostile_line_takes_linear_time() {
    let specs = [
        "a_b[c1]:_M\na_b:_M",
        "<p>a_b(c)[d]:_M\n<p>a_b(c):_M\n<p>a_b[d]:_M\n<p>a_b:_M\na_M",
        "a_M_(b3)",
        "\"M\"_a1_b",
        "a_-_b_-_c_-_d_-_M",
        "a:b:c:d:e:f|M",
    ];
    let parts: [&[u8]; 6] = [b" (", b"[", b" - ", b": ", b"\" ", b"x         "];
    for spec in specs {
        let program = program(spec);
        for part in parts {
            let mut line = part.repeat(1_000_000 / part.len());
            line.push(b'x');
            let started = std::time::Instant::now();
            split(&program, &line);
            // Without optimisation 64 passes over 1 MB; a quadratic search would take minutes.
            assert!(started.elapsed().as_secs() < 20, "{spec} {part:?}");
        }
    }
    let json = keys(2, &["a"], &["m"]);
    for part in [&b"{\"a\":"[..], b"[", b"{\"m\":\"\\\"", b"\""] {
        split(&json, &part.repeat(200_000));
    }
}

/// `cargo test --release layout -- --ignored --nocapture bench`
#[test]
#[ignore = "prints figures"]
fn bench_split() {
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("five fields, single blanks", program("a9_b2_c1_d4_e3:_M"),
         "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_38865049064139660 terminating"),
        ("five fields, unchecked", program("a_b_c_d_e:_M"),
         "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_38865049064139660 terminating"),
        ("six fields, doubled blanks", program("a2_b8_c1_d1_e4_f:_M"),
         "03-17 16:13:38.811  1702  2395 D WindowManager: printFreezingDisplayLogsopening app wtoken"),
        ("syslog with option", program("a5_b7_c8_d3_e[f1]:_M\na5_b7_c8_d3_e:_M"),
         "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh"),
        ("syslog without the option", program("a5_b7_c8_d3_e[f1]:_M\na5_b7_c8_d3_e:_M"),
         "Jun  9 06:06:20 combo kernel: kmem_create: Forcing size word alignment - nfs_fh and more of it"),
        ("access", program("a3_b3_c_[d2]_\"M\"_e1_f_\"g\"_\"h\"\na3_b3_c_[d2]_\"M\"_e1_f"),
         "83.149.9.216 - - [17/May/2015:10:05:03 +0000] \"GET /presentations/kibana-search.png HTTP/1.1\" 200 203023 \"http://semicomplete.com/presentations/\" \"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1)\""),
        ("json", keys(2, &["ts", "level", "logger", "caller"], &["msg"]),
         r#"{"ts":"2024-05-01T10:00:00.123Z","level":"info","logger":"app.web","caller":"server/http.go:123","msg":"request done in 12 ms for user 42"}"#),
    ];
    for (name, program, line) in cases {
        if std::env::var("ONLY").is_ok_and(|only| !name.contains(&only)) {
            continue;
        }
        let layout = Layout::compile(&program).unwrap();
        let mut shapes = layout.new_shapes();
        let data = format!("{line}\n").repeat(1000).into_bytes();
        let mut fields = vec![Span::default(); layout.field_count()];
        let (mut message, mut key) = (Span::default(), Vec::new());
        let mut run = |shapes: &mut Shapes| {
            for i in 0..1000 {
                let start = i * (line.len() + 1);
                let split = layout.split(
                    shapes,
                    &data,
                    start,
                    start + line.len(),
                    &mut fields,
                    &mut message,
                    &mut key,
                );
                match split {
                    Split::New => assert!(shapes.insert(&key).is_some()),
                    Split::Known(_) => {}
                    Split::None => panic!("{name}"),
                }
                std::hint::black_box((&fields, &message));
            }
        };
        run(&mut shapes);
        let best = (0..50)
            .map(|_| {
                let started = std::time::Instant::now();
                (0..20).for_each(|_| run(&mut shapes));
                started.elapsed().as_nanos() as f64 / 20_000.0
            })
            .fold(f64::MAX, f64::min);
        println!("{name:28} {best:6.1} ns a line");
    }
}
