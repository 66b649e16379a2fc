//! Reading and writing configs.

use std::fmt::Write as _;

use reeve_config_policy::{Document, Format, MAX_BYTES, MAX_DEPTH, MAX_NODES, Number, Value, emit, parse_config};

fn refusal(text: &str) -> String {
    match parse_config(text.as_bytes()) {
        Ok(document) => panic!("read {text:?} as {:?}", document.value()),
        Err(error) => error.to_string(),
    }
}

fn field(text: &str, key: &str) -> Value {
    let document = parse_config(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    document.value().as_map().unwrap().get(key).unwrap().clone()
}

#[test]
fn empty_texts_are_empty_maps() {
    for text in ["", "\n", "# only a comment\n", "---\n", "{}", "\u{feff}"] {
        let document = parse_config(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(document.value(), &Value::Map(reeve_config_policy::Map::default()), "{text:?}");
        assert_eq!(document.text(), text);
    }
}

#[test]
fn what_yaml_reads_differently_by_version_is_text_or_refused() {
    for text in ["yes", "no", "on", "2024-01-01", "12:30", "1_000", "0b1", "1.2.3"] {
        assert_eq!(field(&format!("a: {text}"), "a"), Value::String(text.to_owned()));
    }
    assert_eq!(
        refusal("a: 010"),
        "line 1, column 4: `a`: `010` looks like an octal number: drop the leading zeros, or put it in quotes if it is text"
    );
    assert!(refusal("a: -007").contains("octal"));
    assert_eq!(field("a: '010'", "a"), Value::String("010".to_owned()));
    assert_eq!(field("a: 0o17", "a"), Value::Number(Number::parse("0o17").unwrap()));
}

#[test]
fn every_wrong_key_and_tag_is_listed_with_its_place() {
    let text = "a: 1\nb: {x: 1, x: 2}\n<<: {c: 1}\na: 2\n5: five\nd: !mine 3\ne: [010]\n";
    let expected = [
        "line 2, column 11: `b.x`: the key `x` stands twice in one map",
        "line 3, column 1: merge keys (`<<`) are not read: write the fields out",
        "line 4, column 1: `a`: the key `a` stands twice in one map",
        "line 5, column 1: keys must be text, not an integer: put it in quotes",
        "line 6, column 4: `d`: the tag `!mine` is not known: only the tags of the YAML core schema are read",
        "line 7, column 5: `e[0]`: `010` looks like an octal number: drop the leading zeros, or put it in quotes if it is text",
    ];
    assert_eq!(refusal(text), expected.join("; "));
}

#[test]
fn duplicate_keys_in_json_are_refused_with_their_place() {
    assert_eq!(refusal("{\"a\": 1,\n \"a\": 2}"), "line 2, column 2: `a`: the key `a` stands twice in one map");
}

#[test]
fn only_one_map_in_utf8_is_a_document() {
    assert!(refusal("a: 1\n---\nb: 2\n").contains("only one document"));
    assert!(refusal("- a\n").contains("must be a map, not a list"));
    assert!(refusal("null\n").contains("must be a map, not null"));
    assert!(refusal("? [a]\n: b\n").contains("keys must be text, not a list"));
    let error = parse_config(b"a: 1\nb: \xff\n").unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 4: the document is not UTF-8");
}

#[test]
fn core_tags_are_read_and_must_fit() {
    assert_eq!(field("a: !!str 5", "a"), Value::String("5".to_owned()));
    assert_eq!(field("a: !!int \"5\"", "a"), Value::from(5));
    assert!(refusal("a: !!int five").contains("does not fit its tag"));
    assert!(refusal("a: !!set {b: null}").contains("tag"));
}

#[test]
fn json_is_read_as_json_and_numbers_keep_their_text() {
    let text = r#"{"a": 9007199254740993, "b": "\ud83d\ude00", "c": [1e999, -0, 1.50], "d": {}}"#;
    let document = parse_config(text.as_bytes()).unwrap();
    assert_eq!(document.format(), Format::Json);
    let emitted = emit(document.value(), Format::Json);
    assert!(emitted.contains("9007199254740993") && emitted.contains("1e999") && emitted.contains("1.50"), "{emitted}");
    assert_eq!(field(text, "b"), Value::String("😀".to_owned()));
    assert_eq!(parse_config(b"{a: 1}").unwrap().format(), Format::Yaml);
}

#[test]
fn aliases_are_expanded_within_the_bounds() {
    assert_eq!(field("a: &x [1, 2]\nb: *x\n", "b"), Value::List(vec![Value::from(1), Value::from(2)]));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    assert!(refusal(&bomb).contains("more than 10000 values, aliases expanded"));
    assert!(refusal("a: &a [*a]\n").contains("never end"));
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1000), vec!["*a"; 2000].join(", "));
    assert!(refusal(&long).contains("more than 1048576 bytes, aliases expanded"));
}

#[test]
fn every_bound_holds_and_is_named() {
    let deep = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_config(deep(MAX_DEPTH - 1).as_bytes()).is_ok());
    assert!(refusal(&deep(MAX_DEPTH)).contains("more than 64 deep"));
    let wide = |items: usize| format!("a: [{}]", vec!["1"; items].join(","));
    assert!(parse_config(wide(MAX_NODES - 2).as_bytes()).is_ok());
    assert!(refusal(&wide(MAX_NODES - 1)).contains("more than 10000 values"));
    let long = |bytes: usize| format!("a: {}", "x".repeat(bytes - 3));
    assert!(parse_config(long(MAX_BYTES).as_bytes()).is_ok());
    assert!(refusal(&long(MAX_BYTES + 1)).contains("1048577 bytes, more than 1048576"));
    let mut block = String::new();
    for level in 0..70 {
        writeln!(block, "{}k:", " ".repeat(level)).unwrap();
    }
    assert!(refusal(&block).contains("more than 64 deep"));
    assert!(refusal(&"[".repeat(5000)).contains("more than 64 deep"));
    let json = format!("{{\"a\": {}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(refusal(&json).contains("more than 64 deep"));
}

#[test]
fn yaml_is_written_for_people() {
    let text = "name: 'yes'\nlist: [a, {b: 1, c: [x, z]}, [1, 2], [], {}]\nentry: \"line one\\nline two\\n\"\nempty: ''\nlast: ~\nnum: .0001\n";
    let document = parse_config(text.as_bytes()).unwrap();
    let expected = "\
name: \"yes\"
list:
  - a
  - b: 1
    c:
      - x
      - z
  - - 1
    - 2
  - []
  - {}
entry: |
  line one
  line two
empty: \"\"
last: null
num: .0001
";
    assert_eq!(emit(document.value(), Format::Yaml), expected);
}

#[test]
fn values_without_text_become_documents_within_the_bounds() {
    let map = |value: Value| Value::Map([("a".to_owned(), value)].into_iter().collect());
    let document = Document::from_value(map(Value::from(5)), Format::Json).unwrap();
    assert_eq!(document.text(), "{\n  \"a\": 5\n}\n");
    assert!(Document::from_value(Value::from(5), Format::Json).is_err());
    let infinite = Value::Number(Number::from_f64(f64::INFINITY));
    assert!(Document::from_value(map(infinite.clone()), Format::Json).unwrap_err().to_string().contains(".inf"));
    assert_eq!(Document::from_value(map(infinite), Format::Yaml).unwrap().text(), "a: .inf\n");
    let deep = (0..MAX_DEPTH).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    assert!(Document::from_value(map(deep), Format::Yaml).unwrap_err().to_string().contains("64 deep"));
}
