use super::*;
use expect_test::{Expect, expect};
use serde_json::json;

/// Prints the canonical form, which must read back as the same expression.
#[track_caller]
fn check(text: &str, expect: Expect) {
    let actual = match parse(text) {
        Ok(expr) => {
            let printed = expr.to_string();
            assert_eq!(parse(&printed), Ok(expr), "{printed}");
            printed
        }
        Err(error) => error.to_string(),
    };
    expect.assert_eq(&actual);
}

/// Tests one record against the condition.
#[track_caller]
fn check_match(text: &str, truth: Truth) {
    let record = json!({
        "id": "18446744073709551615", "count": 5, "price": 1.5, "open": true, "flag": "False", "zip": "00501",
        "subject": "Größe 100% ok", "updatedAt": "2020-07-05T21:04:09.5Z", "none": null, "empty": [],
        "labels": ["INBOX", "UNREAD", 7], "user": {"Id": 8, "a.b": 1}, "x.y": "dotted",
    });
    let actual = parse(text).unwrap().matches(&record);
    assert_eq!(actual, truth, "{text}");
}

#[test]
fn conditions() {
    check("Department!='Procurement'", expect!["Department != 'Procurement'"]);
    check(
        "LastModifiedDateTime>=\n  '2020-01-01T00:00:00Z'",
        expect!["LastModifiedDateTime >= '2020-01-01T00:00:00Z'"],
    );
    check("mdate>=2017-02-28T16:11:29-06:00", expect!["mdate >= 2017-02-28T16:11:29-06:00"]);
    check(
        "a<>1 and b <= -0.50 OR c<1e9 And d>10.0",
        expect!["a != 1 AND b <= -0.50 OR c < 1e9 AND d > 10.0"],
    );
    check("a = TRUE and b = False and c = NULL", expect!["a = true AND b = false AND c = null"]);
    check("name like '%o''brien%'", expect!["name LIKE '%o''brien%'"]);
    check("name LIKE%x% or name not like 'y'", expect!["name LIKE '%x%' OR name NOT LIKE 'y'"]);
    check("a IN('x',\n2, open) and b not in ( 'y' )", expect!["a IN ('x', 2, open) AND b NOT IN ('y')"]);
    check("a is null OR b Is Not Null", expect!["a IS NULL OR b IS NOT NULL"]);
    check(
        "`Modified Time` > 5 and `a``b` = 1 and `and` = 2 and `plain` = 3",
        expect!["`Modified Time` > 5 AND `a``b` = 1 AND `and` = 2 AND plain = 3"],
    );
    check("@odata/x-y[0].z_1 = ''", expect!["@odata/x-y[0].z_1 = ''"]);
    check("größe = 'é'", expect!["größe = 'é'"]);
}

#[test]
fn grouping() {
    check("a=1 and b=2 or c=3", expect!["a = 1 AND b = 2 OR c = 3"]);
    check("a=1 and (b=2 or c=3)", expect!["a = 1 AND (b = 2 OR c = 3)"]);
    check("((a=1))", expect!["a = 1"]);
    check(
        "(a=1 and b=2) and (c=3 or (d=4 or e=5))",
        expect!["(a = 1 AND b = 2) AND (c = 3 OR (d = 4 OR e = 5))"],
    );
    check("not a=1 and not (b=2 or c=3)", expect!["NOT a = 1 AND NOT (b = 2 OR c = 3)"]);
    check("not not a in (1)", expect!["NOT a NOT IN (1)"]);
    check("notes=1 and order=2 and android=3", expect!["notes = 1 AND order = 2 AND android = 3"]);
    check(&format!("{}a=1{}", "(".repeat(32), ")".repeat(32)), expect!["a = 1"]);
}

#[test]
fn broken_conditions() {
    check("", expect!["a where condition must not be empty"]);
    check(" \n", expect!["a where condition must not be empty"]);
    check("a", expect!["expected an operator at byte 1, found the end"]);
    check("a =", expect!["expected a value (text in single quotes) at byte 3, found the end"]);
    check("a = and b = 1", expect!["expected a value (text in single quotes) at byte 4, found `and b = 1`"]);
    check("a == 1", expect!["expected a value (text in single quotes) at byte 3, found `= 1`"]);
    check("a = \"x\"", expect![[r#"expected a value (text in single quotes) at byte 4, found `"x"`"#]]);
    check("a = 'x", expect!["the ' opened at byte 4 must be closed"]);
    check("`a = 1", expect!["the ` opened at byte 0 must be closed"]);
    check("`` = 1", expect!["expected a field name between the backticks at byte 0, found nothing"]);
    check("= 1", expect!["expected a field name at byte 0, found `= 1`"]);
    check("and = 1", expect!["expected a field name at byte 0, found `and = 1`"]);
    check("a = 1 b = 2", expect!["expected AND, OR or the end at byte 6, found `b = 2`"]);
    check("a = 1 and", expect!["expected a field name at byte 9, found the end"]);
    check("(a = 1", expect!["expected AND, OR or `)` at byte 6, found the end"]);
    check("a = 1)", expect!["expected AND, OR or the end at byte 5, found `)`"]);
    check("()", expect!["expected a field name at byte 1, found `)`"]);
    check("a in ()", expect!["expected a value (text in single quotes) at byte 6, found `)`"]);
    check("a in (1,)", expect!["expected a value (text in single quotes) at byte 8, found `)`"]);
    check("a in (1 2)", expect!["expected `,` or `)` at byte 8, found `2)`"]);
    check("a in 1", expect!["expected `(` at byte 5, found `1`"]);
    check("a is 1", expect!["expected NULL at byte 5, found `1`"]);
    check("a not = 1", expect!["expected IN or LIKE at byte 6, found `= 1`"]);
    check(
        &format!("{}a=1", "(".repeat(33)),
        expect!["a where condition nests at most 32 levels; one more begins at byte 32"],
    );
    check(
        &format!("{}a=1", "NOT ".repeat(33)),
        expect!["a where condition nests at most 32 levels; one more begins at byte 128"],
    );
    check(&"(".repeat(8193), expect!["a where condition has at most 8192 bytes, this one has 8193"]);
}

#[test]
fn scalars_compare() {
    use Truth::{No, Yes};
    check_match("count = 5.0 and count > 4 and count <= '5' and count != 6", Yes);
    check_match("price = 1.50 and price < 2", Yes);
    check_match("count > 10", No);
    check_match("id > '9' and id = 18446744073709551615 and id > 18446744073709551614", Yes);
    check_match("id < '18446744073709551614' or id = '18446744073709551614'", No);
    check_match("zip = '501'", No);
    check_match("zip = 501", Yes);
    check_match("open = true and open = 'True' and flag = false and flag != true", Yes);
    check_match("updatedAt = '2020-07-05T15:04:09.500-06:00'", Yes);
    check_match("updatedAt > 2020-07-05T21:04:09Z and updatedAt < '2020-07-06'", Yes);
    check_match("subject = 'größe 100% ok'", No);
    check_match("subject in ('x', 'Größe 100% ok')", Yes);
    check_match("count in (1, 2)", No);
}

#[test]
fn likeness() {
    use Truth::{No, Yes};
    check_match("subject LIKE 'grÖsse%' or subject LIKE 'GRÖßE'", No);
    check_match(
        "subject LIKE 'GRÖßE%' and subject LIKE '%ok' and subject LIKE '%100%' and subject LIKE '%'",
        Yes,
    );
    check_match("subject LIKE 'gr%e%o%k' and subject not LIKE 'gr%x%k'", Yes);
    check_match("subject LIKE 'größe 100% ok%ok'", No);
    check_match("count LIKE '5' and labels LIKE 'in%'", Yes);
}

#[test]
fn arrays() {
    use Truth::{No, Yes};
    check_match("labels = 'INBOX' and labels = 7 and labels in ('x', 'UNREAD')", Yes);
    check_match("labels != 'INBOX'", No);
    check_match("labels != 'SENT' and labels not in ('SENT')", Yes);
    check_match("empty = 'x'", No);
    check_match("empty != 'x' and empty is not null", Yes);
}

#[test]
fn nothing_and_the_unknown() {
    use Truth::{No, Unknown, Yes};
    check_match("missing = 1", Unknown);
    check_match("missing != 1", Unknown);
    check_match("not missing like 'x'", Unknown);
    check_match("missing is null and none is null and count is not null", Yes);
    check_match("missing is not null", No);
    check_match("missing = 1 or count = 5", Yes);
    check_match("missing = 1 or count = 6", Unknown);
    check_match("missing = 1 and count = 5", Unknown);
    check_match("missing = 1 and count = 6", No);
    check_match("none = 'x' or none like '%'", No);
    check_match("none != 'x' and none = null", Yes);
    check_match("none < 5 or count < 'abc' or user > 1", Unknown);
    check_match("user = 'x'", No);
}

#[test]
fn fields_of_the_record() {
    use Truth::{Unknown, Yes};
    check_match("Count = 5 and UpdatedAt > '2020'", Yes);
    check_match("user.id = 8 and `x.y` = 'dotted' and x.y = 'dotted' and `user['a.b']` = 1", Yes);
    check_match("labels[1] = 'UNREAD'", Yes);
    check_match("COUNT = 5", Unknown);
}

#[test]
fn parts_of_an_expression() {
    let expr = parse("a=1 and (b>2 and a<3) and (c=1 or not d in (1))").unwrap();
    assert_eq!(expr.fields(), ["a", "b", "c", "d"]);
    let conjuncts: Vec<String> = expr.conjuncts().iter().map(Expr::to_string).collect();
    assert_eq!(conjuncts, ["a = 1", "b > 2", "a < 3", "c = 1 OR d NOT IN (1)"]);
}

/// A small generator of pseudo-random numbers (xorshift), so that each failure can be repeated by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn text(&mut self) -> String {
        let letters =
            ["a", "Z", "9", "'", "`", " ", "%", ".", "é", "\n", "and", "(", ")", ",", "-", "=", "\\"];
        (0..self.below(6)).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn field(&mut self) -> String {
        Some(self.text()).filter(|name| !name.is_empty()).unwrap_or_else(|| "not".to_owned())
    }

    fn value(&mut self) -> Value {
        match self.below(5) {
            0 => Value::Text(self.text()),
            1 => Value::Number(
                ["0", "-1", "007", "1.50", "1e9", "18446744073709551615"][self.below(6)].to_owned(),
            ),
            2 => Value::Bool(self.below(2) == 0),
            3 => Value::Null,
            _ => {
                Value::Bare(["2020-01-01T00:00:00-06:00", "open", "é", "+1", "%x%"][self.below(5)].to_owned())
            }
        }
    }

    fn op(&mut self) -> Op {
        [Op::Eq, Op::Ne, Op::Lt, Op::Gt, Op::Le, Op::Ge][self.below(6)]
    }

    fn expr(&mut self, depth: usize) -> Expr {
        let kinds = if depth == 0 { 4 } else { 7 };
        match self.below(kinds) {
            0 => Expr::Compare { field: self.field(), op: self.op(), value: self.value() },
            1 => Expr::Like { field: self.field(), pattern: self.text() },
            2 => {
                Expr::In { field: self.field(), values: (0..=self.below(3)).map(|_| self.value()).collect() }
            }
            3 => Expr::IsNull { field: self.field(), negated: self.below(2) == 0 },
            4 => Expr::Not(Box::new(self.expr(depth - 1))),
            5 => Expr::And((0..2 + self.below(2)).map(|_| self.expr(depth - 1)).collect()),
            _ => Expr::Or((0..2 + self.below(2)).map(|_| self.expr(depth - 1)).collect()),
        }
    }
}

#[test]
fn what_is_printed_reads_back() {
    for seed in 1..=3000 {
        let expr = Random(seed).expr(4);
        let text = expr.to_string();
        if text.len() <= CEQL_BYTES_MAX {
            assert_eq!(parse(&text), Ok(expr), "seed {seed}: {text}");
        }
    }
}

#[test]
fn any_text_is_read_or_refused() {
    let pieces = [
        "a", "NOT ", "(", ")", "=", "'", "`", " AND ", " or ", "in", "(1", ",", "<", "like ", "is ", "null",
        "é",
    ];
    for seed in 1..=20_000 {
        let mut random = Random(seed);
        let text: String = (0..random.below(24)).map(|_| pieces[random.below(pieces.len())]).collect();
        if let Ok(expr) = parse(&text) {
            assert_eq!(parse(&expr.to_string()), Ok(expr), "seed {seed}: {text}");
        }
    }
}
