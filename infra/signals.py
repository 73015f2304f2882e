"""Rules of infra/check.py about what the stack tells of itself: alarms, the dashboard, and what they cost."""

import json
import pathlib
import re

from template import functions, of_type

HERE = pathlib.Path(__file__).parent
NAMESPACE = "Carillon/STACK"
# The metrics that functions write into their logs.
SUMS = (HERE.parent / "crates/aws/src/functions/sums.rs").read_text().split("#[cfg(test)]")[0]
EMBEDDED = set(re.findall(r'"Name": "(\w+)", "Unit"', SUMS))
# What no metric of AWS tells, and an alarm watches: the lines that are counted, and where they are written.
COUNTED = {
    "LapsedPushes": (
        '{ ($.message = "push.lapsed") || (($.message = "push.failed") && ($.is_over IS TRUE)) }',
        {"<PollLog>", "<ApiLog>"},
    ),
    "SkippedTicks": ('{ $.message = "tick.skipped" }', {"<PollLog>"}),
    "OverdueMailboxes": ('{ ($.message = "health.changed") && ($.transition = "mailbox.failing") }', {"<PollLog>"}),
    "HealthLettersGivenUp": ('{ ($.message = "health.given_up") && ($.to = "organization") }', {"<DeliverLog>"}),
    "UnreadableRows": ('{ $.message = "row.unreadable" }', {"<PollLog>", "<DeliverLog>", "<ApiLog>", "<DownloadLog>"}),
}
# What the dashboard counts of the lines themselves, and where they are: jobs and polls attempt deliveries.
LISTED = {
    "'delivery.attempted'": {"PollLog", "DeliverLog"},
    "'poll.finished'": {"PollLog"},
    "success_age_s": {"PollLog"},
    "'instance.needs_sign_in'": {"PollLog"},
    "'push.failed'": {"PollLog", "ApiLog"},
    "'callback.suspended'": {"PollLog", "DeliverLog", "ApiLog"},
}
# Words of the sums in lines that the dashboard adds up, as the program has them.
SIGNALS = (HERE.parent / "crates/app/src/signals/mod.rs").read_text()
SUMMED = {"answers": "ANSWER_CLASSES", "refreshes": "REFRESH_ENDS"}
# An account has three dashboards of so many metrics for nothing; any other costs as much as ten metrics of ours.
FREE_METRICS = 50


def alarms_reach_somebody(resources, _outputs):
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    for name, one in alarms.items():
        if one.get("AlarmActions") != ["<AlarmTopic>"]:
            yield f"{name}: tells nobody"
    watched = {(one["MetricName"], value["Value"]) for one in alarms.values() for value in one.get("Dimensions", [])}
    for metric, names in {
        "ApproximateNumberOfMessagesVisible": ["DeadLetterQueue.QueueName"],
        "ApproximateAgeOfOldestMessage": ["DeliveryQueue.QueueName", "WorkQueue.QueueName"],
        "Errors": functions(resources),
        "Throttles": functions(resources),
        "ReadThrottleEvents": ["Table"],
        "WriteThrottleEvents": ["Table"],
        "5xx": ["HttpApi"],
        "AsyncEventAge": ["PollFunction"],
    }.items():
        for name in names:
            if (metric, f"<{name}>") not in watched:
                yield f"no alarm watches {metric} of {name}"
    filters = of_type(resources, "AWS::Logs::MetricFilter").values()
    alarmed = {(one["Namespace"], one["MetricName"]) for one in alarms.values()}
    for metric, (pattern, written) in COUNTED.items():
        of_metric = [one for one in filters if one["FilterPattern"] == pattern and fed(one) == (NAMESPACE, metric)]
        logs = {one["LogGroupName"] for one in of_metric}
        if logs != written:
            yield f"{metric} are counted in {sorted(logs)} instead of {sorted(written)}"
        if (NAMESPACE, metric) not in alarmed:
            yield f"no alarm watches {metric}"


def dashboard_shows_signals(resources, _outputs):
    (dashboard,) = of_type(resources, "AWS::CloudWatch::Dashboard").values()
    widgets = widgets_of(dashboard)
    queries = [one["query"] for one in widgets if "query" in one]
    for word, logs in LISTED.items():
        if not any(word in query and logs <= read_by(query) for query in queries):
            yield f"the dashboard does not list {word} of {sorted(logs)}"
    for field, words in SUMMED.items():
        (found,) = re.findall(rf"{words}: .*= \[(.*)\];", SIGNALS)
        for word in re.findall(r'"(\w+)"', found):
            if not any(f"sum(`{field}.{word}`)" in query and "PollLog" in read_by(query) for query in queries):
                yield f"the dashboard does not add up {field}.{word}"
    shown = {row[1] for row in metrics_of(widgets)}
    counted = {fed(one)[1] for one in of_type(resources, "AWS::Logs::MetricFilter").values()}
    for metric in sorted((counted | EMBEDDED | {"AsyncEventAge"}) - shown):
        yield f"the dashboard does not show {metric}"


def dashboard_is_free(resources, _outputs):
    (dashboard,) = of_type(resources, "AWS::CloudWatch::Dashboard").values()
    count = len(metrics_of(widgets_of(dashboard)))
    if count > FREE_METRICS:
        yield f"the dashboard has {count} metrics, of which {FREE_METRICS} are free"


def read_by(query):
    """Logs that a query reads."""
    return set(re.findall(r"SOURCE '<(\w+)>'", query))


def widgets_of(dashboard):
    return [one["properties"] for one in json.loads(dashboard["DashboardBody"])["widgets"]]


def metrics_of(widgets):
    """Metrics with their dimensions; a row of points is another statistic of the one before."""
    rows = [row for one in widgets for row in one.get("metrics", []) if row[0] != "..."]
    return {tuple(part for part in row if isinstance(part, str)) for row in rows}


def fed(metric_filter):
    """The metric that a filter feeds."""
    (one,) = metric_filter["MetricTransformations"]
    return one["MetricNamespace"], one["MetricName"]


def costs_know_the_stack(resources, _outputs):
    assumed = json.loads((HERE / "cost/assumed.json").read_text())
    filters = of_type(resources, "AWS::Logs::MetricFilter").values()
    metrics = {change["MetricName"] for one in filters for change in one["MetricTransformations"]}
    memory = {name: one["MemorySize"] / 1024 for name, one in functions(resources).items()}
    found = {
        "alarms": len(of_type(resources, "AWS::CloudWatch::Alarm")),
        "secrets": len(of_type(resources, "AWS::SecretsManager::Secret")),
        "metrics": len(metrics | EMBEDDED),
        "api_gb": memory["ApiFunction"],
        "poll_gb": memory["PollFunction"],
    }
    for name, value in found.items():
        if assumed[name] != value:
            yield f"infra/cost/assumed.json: {name} is {assumed[name]}, in the template {value}"
