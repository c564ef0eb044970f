//! Values and the class each has, with the near misses beside them.

use super::*;

const NAMES: [&str; CLASSES] = [
    "EMPTY",
    "INTEGER",
    "NUMBER",
    "HEX",
    "IP",
    "HOST_PORT",
    "MAC",
    "UUID",
    "TIME",
    "DURATION",
    "SIZE",
    "VERSION",
    "PATH",
    "URL",
    "EMAIL",
    "ID",
    "WORD",
    "TEXT",
];

fn expect(class: u8, values: &[&str]) {
    for value in values {
        let found = classify(value.as_bytes());
        assert_eq!(NAMES[class as usize], NAMES[found as usize], "{value:?}");
    }
}

#[test]
fn numbers() {
    expect(EMPTY, &[""]);
    expect(INTEGER, &["0", "7", "007", "-12", "+3", "123456789012345678901234567890"]);
    expect(NUMBER, &[
        "1.5", "-0.25", ".5", "+.5", "1e-05", "1.2E5", "1.2e+5", "12%", "99.9%", "1,234",
        "12,345,678.9", "3E+8",
    ]);
    expect(ID, &["1.", "5-", "1e5", "1-2", "1.2.", "1..2", "+1+", "--1", "1e"]);
    expect(TEXT, &["1,23", "1,2345", "%", "-", "+", ".", "-.", "1%%", ",5", "5,"]);
}

#[test]
fn hex() {
    expect(HEX, &["0x0", "0xdeadBEEF", "0X1f", "9f4ef63", "12e5", "4096B", "a64f992", "1a2b"]);
    expect(WORD, &["deadbeef", "cafe", "x"]);
    expect(ID, &["0x", "0xfg1", "1f", "a1b", "0x1.5", "1g2b"]);
}

#[test]
fn addresses() {
    expect(IP, &[
        "10.0.0.1", "255.255.255.255", "0.0.0.0", "10.0.0.0/8", "/10.10.34.12", "node-7/10.1.2.3",
        "::1", "::", "fe80::1%eth0", "2001:db8::8a2e:370:7334", "0:0:0:0:0:0:0:0", "[2001:db8::1]",
        "2001:db8::/32", "::ffff:10.0.0.1",
    ]);
    expect(HOST_PORT, &[
        "10.0.0.1:80", "/10.1.2.3:50010", "node-7/10.1.2.3:8030", "db-1.local:5432", "web:8080",
        "[::1]:80", "[fe80::1%eth0]:443", "*:80", "0:0:0:0:0:0:0:0:2181", ":::8080",
        "4.example.com:25",
    ]);
    expect(VERSION, &["256.1.1.1", "1.2.3.4.5", "10.0.0"]);
    expect(ID, &[
        "10.0.0.1:0", "10.0.0.1:", "10.0.0.1:65536", "web:0", "web:080", "web:99999", "1f:80",
        "1:2:3", "10.0.0.1.", "0000:00:1f.2", "10.0.0.1/33",
    ]);
    expect(WORD, &["a::b", "std::vector", "web:", "web:port", "dead::beef"]);
    expect(TEXT, &["[10.0.0.1]", "::%", "[::1", "::1]", ":", ":::", "10.0.0.1,10.0.0.2"]);
}

#[test]
fn mac_and_uuid() {
    expect(MAC, &["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7"]);
    expect(ID, &["00:1b:44:11:3a", "00:1b-44:11:3a:b7", "0g:1b:44:11:3a:b7", "001b.4411.3ab"]);
    expect(UUID, &["113d3a99-c3da-401f-bd62-cc2caa5b96d2", "{113D3A99-C3DA-401F-BD62-CC2CAA5B96D2}"]);
    expect(ID, &[
        "113d3a99-c3da-401f-bd62-cc2caa5b96d", "113d3a99-c3da-401f-bd62-cc2caa5b96dg",
        "113d3a99_c3da-401f-bd62-cc2caa5b96d2",
    ]);
    expect(TEXT, &["{113d3a99-c3da-401f-bd62-cc2caa5b96d2"]);
}

#[test]
fn times() {
    expect(TIME, &[
        "2015-10-18", "2015/10/18", "2015.10.18", "18.10.2015", "10/18/2015", "17/06/09",
        "18/Oct/2015", "18-Oct-2015", "18 Oct 2015", "04:47", "00:01", "45:10", "4:47:44",
        "04:47:44.123", "04:47:44,123456", "16:49:06 PM", "5:06am", "23:59:60", "04:47:44Z",
        "2015-10-18 18:01:47,978", "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123456+02:00",
        "2005-06-03-15.42.50.675872", "20171223-22:15:29:606", "20171223-2:5:9:6",
        "20171223T221529Z", "081109 203615", "03-17 16:13:38.811", "10.30 16:49:06",
        "Jun 14 15:16:01", "Jul  9 12:16:51", "Jun 14", "Sun Dec 04 04:47:44 2005",
        "Sun Dec  4 04:47:44 UTC 2005", "Sun, 06 Nov 1994 08:49:37 GMT", "Jun 14, 2005",
        "10/Oct/2000:13:55:36 -0700", "2016-09-28 04:30:30 UTC", "2017-05-16_13:53:08",
        "Jun 14 2005 10:00:00", "2024-01-02 03:04",
    ]);
    expect(ID, &[
        "2015-13-18", "2015-10-32", "2015-10", "24:61", "4:7:44", "04:60", "10-30", "99/99/99",
        "20171223-99", "2015-10-18T", "2015/10", "04:47:61",
    ]);
    expect(INTEGER, &["20171223", "081109", "1117838570"]);
    expect(WORD, &["Sun", "Jun"]);
    expect(VERSION, &["2015.13.18"]);
    expect(TEXT, &[
        "Jun 32", "Jun x", "Sun Dec", "Sun 5", "12:00 noon", "Jun 14 15:16:01 99", "12:00 1",
        "1999-01-01 is 1", "081109 999999",
    ]);
}

#[test]
fn durations() {
    expect(DURATION, &[
        "15ms", "1.5s", "1.5 s", "-3s", "1,234ms", "5m", "1h30m", "1h30m15.5s", "2 days",
        "2 days, 3:04:05", "1d 2h", "36d", "10 µs", "10μs", "PT1H30M", "P1DT2H", "P3W", "24:00:00",
        "125:03:12", "37:10:05.5", "1 sec", "300 seconds",
    ]);
    expect(ID, &["s15", "1h30", "P1", "PT1", "1hh", "P1DT", "15Ms", "24:61:00"]);
    expect(TEXT, &["2 days ago", "1 2s", "15 ms!", "1 \u{b5}"]);
    expect(WORD, &["ms", "PT", "P"]);
}

#[test]
fn sizes() {
    expect(SIZE, &[
        "4.88 KB", "12MB", "512k", "512K", "3 GiB", "10 bytes", "10 bytes/s", "12B", "1,024 kB",
        "7g", "5 MB/s", "2.5M", "1 byte",
    ]);
    expect(ID, &["12XB", "12KBx", "KB12", "512q", "12MB/", "5b", "5P"]);
    expect(TEXT, &["4.88 KB of", "12 MBs", "1 2 KB"]);
}

#[test]
fn versions() {
    expect(VERSION, &[
        "v2", "v1.2", "V6.1.7601.23505", "1.2.3", "6.1.7601.23505", "3.10.0-514.el7.x86_64",
        "1.0.2k", "1.2.3-rc1", "1.2.3+build.5", "2.7.0~beta",
    ]);
    expect(ID, &["1.2.3.example.com", "version1", "x1.2.3", "1.2.3:"]);
    expect(TEXT, &["1.2.3 beta", "v1.2,"]);
}

#[test]
fn paths_urls_and_mail() {
    expect(PATH, &[
        "/", "/etc/passwd", "./a", "../a/b", "~/x", "src/main.rs", "a/b/c", "a/b/", "/a?b=1&c=%20",
        "C:\\Program Files\\x.dll", "c:/x", "\\\\host\\share", "\\SystemRoot\\x1", "a\\b\\c",
        "/proc/1/fd", "/caf\u{e9}",
    ]);
    expect(WORD, &["and/or", "DOMAIN\\user", "a/b", "x.y"]);
    expect(ID, &["HTTP/1.1", "2/5", "eth0/1", "DOMAIN\\user1", "1/2/3"]);
    expect(TEXT, &["//\n", "/<x>", "a/b c", "\\ "]);
    expect(URL, &[
        "http://a", "https://example.com:8080/x?y=1", "hdfs://10.0.0.1:9000/a", "file:///tmp/x",
        "jdbc:mysql://db:3306/x", "s3://bucket",
    ]);
    expect(WORD, &["http:", "http:/x"]);
    expect(TEXT, &["http://a b", "://x,", "http://\u{7}"]);
    expect(EMAIL, &["joe@example.com", "<a.b+c@x-y.org>", "root@localhost", "1@2.de"]);
    expect(WORD, &["a@", "a@.com", "a@b.c"]);
    expect(ID, &["Object@3af1", "joe@host1"]);
    expect(TEXT, &["@", "a b@c.de", "<joe@example.com"]);
}

#[test]
fn words_ids_and_text() {
    expect(WORD, &["sshd", "pam_unix", "java.lang.String", "it's", "caf\u{e9}", "a-b", "k=v"]);
    expect(ID, &["blk_-3886504906", "core.2275", "R02-M1-N0-C:J12-U11", "node-246", "x1", "é1"]);
    expect(TEXT, &["a b", " ", "(x)", "\"x\"", "a,b", "sshd[1]", "---", "***", "a\tb", "\0"]);
    assert_eq!(TEXT, classify(b"\xff"));
    assert_eq!(TEXT, classify(b"abc\xc3"));
    assert_eq!(TEXT, classify(b"1\xff"));
}

#[test]
fn join_is_a_join() {
    for a in 0..CLASSES as u8 {
        assert_eq!(a, join(a, a));
        assert_eq!(a, join(a, EMPTY));
        assert_eq!(TEXT, join(a, TEXT));
        for b in 0..CLASSES as u8 {
            assert_eq!(join(a, b), join(b, a));
            assert_eq!(join(a, b), join(a, join(a, b)));
            for c in 0..CLASSES as u8 {
                assert_eq!(join(a, join(b, c)), join(join(a, b), c), "{a} {b} {c}");
            }
        }
    }
    assert_eq!(NUMBER, join(INTEGER, NUMBER));
    assert_eq!(HEX, join(INTEGER, HEX));
    assert_eq!(ID, join(NUMBER, HEX));
    assert_eq!(SIZE, join(INTEGER, SIZE));
    assert_eq!(HOST_PORT, join(IP, HOST_PORT));
    assert_eq!(ID, join(IP, WORD));
    assert_eq!(ID, join(WORD, ID));
    assert_eq!(ID, join(WORD, INTEGER));
    assert_eq!(TEXT, join(TIME, INTEGER));
    assert_eq!(TEXT, join(PATH, WORD));
    assert_eq!(TEXT, join(99, EMPTY));
}

#[test]
fn columns() {
    assert_eq!(EMPTY, classify_column(b"", &[]));
    assert_eq!(EMPTY, classify_column(b"", &[0, 0, 0]));
    assert_eq!(NUMBER, classify_column(b"121.5", &[0, 2, 2, 5]));
    assert_eq!(TEXT, classify_column(b"1 2", &[0, 1, 2, 3]));
    assert_eq!(TEXT, classify_column(b"12", &[0, 3]));
    assert_eq!(TEXT, classify_column(b"12", &[2, 0]));
    assert_eq!(TEXT, classify_column(b"12", &[-1, 2]));
}

#[test]
fn hostile_bytes_never_panic() {
    // Every string up to length four over the bytes the recognisers look at.
    let alphabet = b"09afTPxv.:/\\-+_,%@ []{}<>eJ\xc2\xb5\xff\0";
    for &a in alphabet {
        for &b in alphabet {
            for &c in alphabet {
                for &d in alphabet {
                    let value = [a, b, c, d];
                    for length in 1..=4 {
                        assert!((classify(&value[..length]) as usize) < CLASSES);
                    }
                }
            }
        }
    }
    let mut state = 1u64;
    for _ in 0..100_000 {
        let mut text = [0u8; 40];
        for byte in &mut text {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            *byte = alphabet[(state >> 33) as usize % alphabet.len()];
        }
        let length = (state >> 40) as usize % 41;
        assert!((classify(&text[..length]) as usize) < CLASSES);
    }
}
