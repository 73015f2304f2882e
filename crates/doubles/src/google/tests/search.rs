use super::*;

fn encoded(q: &str) -> String {
    let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
    format!("q={q}")
}

#[tokio::test]
async fn operators_words_and_groups_are_understood() {
    let world = world().await;
    let google = &world.google;
    let from = |subject: &str, from: &str| Mail { from: from.to_owned(), ..mail(subject) };
    let invoice = google.deliver(ADA, from("Invoice 4711", "Billing <billing@utilities.example>"));
    let lunch = google.deliver(ADA, from("Lunch on Thursday?", "Bo <bo@else.example>"));
    assert!(google.attach(ADA, &invoice, "Invoice 4711.pdf", "application/pdf", 50_000));
    google.add_label(ADA, &lunch, "STARRED");
    let (i, l) = (invoice.as_str(), lunch.as_str());
    for (q, expected) in [
        ("from:billing", vec![i]),
        ("from:bo@else.example", vec![l]),
        ("to:ada", vec![l, i]),
        ("subject:\"on thursday\"", vec![l]),
        ("subject:\"thursday on\"", vec![]),
        ("subject:thurs", vec![]),
        ("{subject:invoice subject:lunch}", vec![l, i]),
        ("subject:invoice OR subject:lunch", vec![l, i]),
        ("(subject:invoice OR subject:lunch) is:starred", vec![l]),
        ("subject:invoice OR subject:lunch is:starred", vec![l]),
        ("-{subject:invoice subject:dinner}", vec![l]),
        ("-(subject:lunch is:starred)", vec![i]),
        ("has:attachment", vec![i]),
        ("-has:attachment", vec![l]),
        ("filename:pdf larger:10000", vec![i]),
        ("smaller:10000", vec![l]),
        ("in:inbox category:primary", vec![l, i]),
        ("is:starred", vec![l]),
        ("hello", vec![l, i]),
        ("newer_than:1d", vec![l, i]),
        ("older_than:1d", vec![]),
        ("subject:invoice }) AND -is:starred", vec![i]),
    ] {
        let mut found = world.list(&encoded(q)).await;
        found.sort_unstable();
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{q}");
    }
}

#[tokio::test]
async fn nonsense_is_searched_for_to_its_end() {
    let world = world().await;
    for q in
        ["((((((((((((((((((((((((x", "-", "--a", "\"", ":", "a:\"", "}{", "subject:", "é-{", "newer_than:é"]
    {
        assert_eq!(world.status(&format!("/messages?{}", encoded(q))).await, 200, "{q}");
    }
}
