"""Asserts what infra/template.yaml promises: `python infra/check.py`. Needs PyYAML (aws-sam-cli brings it).

A rule looks at the stack as it is without and with the emulator's additions, and returns what is broken.
Each rule has a broken sample in samples.py, so that none of them can fall silent.
"""

import pathlib
import re
import sys

import template
from samples import SAMPLES
from signals import alarms_reach_somebody, costs_know_the_stack, dashboard_is_free, dashboard_shows_signals
from template import functions, listed, of_type

FILE = pathlib.Path(__file__).with_name("template.yaml")
# The account is that of the emulator on which the stack is tried, which knows it in rules and not in conditions.
EMULATOR_RULE = {
    "RuleCondition": {"Fn::Equals": [{"Ref": "Emulator"}, "true"]},
    "Assertions": [
        {
            "Assert": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "000000000000"]},
            "AssertDescription": "Emulator is for the account 000000000000 alone.",
        }
    ],
}
FUNCTIONS = {"ApiFunction": "api", "PollFunction": "poll", "DeliverFunction": "deliver", "DownloadFunction": "download"}
VARIABLES = """
    TABLE DELIVERY_QUEUE_URL WORK_QUEUE_URL DEAD_LETTER_QUEUE_URL SCHEDULE_GROUP SCHEDULE_ROLE_ARN POLL_FUNCTION_ARN
    SECRET_PREFIX DATA_KEY_SECRET FIRST_ORGANIZATION_SECRET FIRST_USER_SECRET SECRET_STORAGE EVENT_BUS MAILBOXES_PER_TICK RETENTION_DAYS
    ADMIN_KEY_SECRET REQUESTS_PER_MINUTE PUBLIC_URL PUSH_AUDIENCE CORS_ORIGINS RETRY_DELAYS ALLOW_LOCAL_CALLBACKS REQUIRE_HTTPS_CALLBACKS LOG PROVIDER_URLS
""".split()
# What a line of the access log may have of a request.
LOGGED_OF_REQUESTS = set("requestId requestTime httpMethod path status responseLatency responseLength integrationErrorMessage".split())
# What one function alone is told.
OWN_VARIABLES = {"ApiFunction": {"CARILLON_DOWNLOAD_URL"}}
# Addresses of providers that have a parameter of their own. Which they are, the descriptors say: a house rule compares.
PROVIDER_VARIABLE = re.compile(r"CARILLON_[A-Z]+_(AUTH|TOKEN|API)_URL")
OUTPUTS = """
    ApiUrl FirstOrganizationSecret FirstUserSecret TableName DeliveryQueueUrl WorkQueueUrl DeadLetterQueueUrl
    ScheduleGroupName EventBusName DashboardName AdminEnvironment
""".split()
# X-Ray's actions know no resources.
EVERYWHERE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# An ARN of this stack: a name that it begins, and a wildcard only behind it.
OWN_ARN = re.compile(r"arn:aws:[a-z]+:REGION:ACCOUNT:([a-z-]+[:/])?STACK[/-][^*]*\*?")
# A resource of this stack, or a part of one that is named.
OWN_RESOURCE = re.compile(r"<\w+(\.\w+)?>(/[a-z-]+)*")
# Who alone may do what. Nobody else's policy has the action.
SOLE = {
    "scheduler:DeleteSchedule": {"PollFunction"},
    "events:PutEvents": {"DeliverFunction"},
    "dynamodb:DeleteItem": {"ApiFunction", "PollFunction", "DownloadFunction"},
    "secretsmanager:PutSecretValue": {"ApiFunction", "PollFunction", "DownloadFunction"},
    "secretsmanager:CreateSecret": {"ApiFunction", "PollFunction", "DownloadFunction"},
}
GLOBAL_INDEXES = {"by-organization": ["log_of", "log_at"], "by-event": ["log_of", "name"]}
PUSH_ROUTES = {"POST /push/gmail", "POST /push/outlookemail"}
PUSH_LIMIT = "50"
# Default of PollConcurrency and of DeliverConcurrency.
CONCURRENCY = "50"
ADMIN_KEY = "arn:aws:secretsmanager:REGION:ACCOUNT:secret:ADMIN-??????"
SCHEDULE_ROLE = {
    ("lambda:InvokeFunction", "arn:aws:lambda:REGION:ACCOUNT:function:STACK-poll"),
    ("sqs:SendMessage", "<DeliveryQueue.Arn>"),
    ("sqs:SendMessage", "<WorkQueue.Arn>"),
    ("sqs:SendMessage", "<DeadLetterQueue.Arn>"),
}


def grants(role):
    """Each action with each resource that a role's policies allow it on."""
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    yield action, resource, statement


def role_of(name, resources):
    return resources[functions(resources)[name]["Role"].strip("<>").removesuffix(".Arn")]["Properties"]


def actions_are_named(resources, _outputs):
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for action, _, statement in grants(role):
            if statement["Effect"] != "Allow" or "NotAction" in statement or "NotResource" in statement:
                yield f"{name}: statements only allow, and name what"
            if "*" in action:
                yield f"{name}: the action {action} has a wildcard"
        if set(role) - {"Description", "AssumeRolePolicyDocument", "Policies"}:
            yield f"{name}: policies stand in the role, and nowhere else"
    for name, one in resources.items():
        is_policy = one["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        if is_policy or "Policies" in functions(resources).get(name, {}):
            yield f"{name}: policies stand in the role, and nowhere else"


def resources_are_the_stacks(resources, _outputs):
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for action, resource, _ in grants(role):
            if resource == "*" and action in EVERYWHERE:
                continue
            if not (OWN_ARN.fullmatch(resource) or OWN_RESOURCE.fullmatch(resource)):
                yield f"{name}: {action} on {resource} is wider than the stack"


def roles_are_least(resources, _outputs):
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    for name in FUNCTIONS:
        for action, resource, statement in grants(role_of(name, resources)):
            if name not in SOLE.get(action, FUNCTIONS):
                yield f"{name} must not do {action}"
            if name != "ApiFunction" and resource.startswith("<First"):
                yield f"{name} must not read {resource}"
            passed = (resource, statement.get("Condition"))
            if action == "iam:PassRole" and passed != ("<ScheduleRole.Arn>", to_scheduler):
                yield f"{name}: only the schedules' role is passed on, and only to Scheduler"
            if action.startswith("logs:") and resource != f"<{log_of(name, resources)}.Arn>":
                yield f"{name}: writes to {resource}, which is not its log"


def schedules_do_four_things(resources, _outputs):
    role = resources["ScheduleRole"]["Properties"]
    found = {(action, resource) for action, resource, _ in grants(role)}
    if found != SCHEDULE_ROLE:
        yield f"ScheduleRole: may {sorted(found)} instead of {sorted(SCHEDULE_ROLE)}"
    source = "arn:aws:scheduler:REGION:ACCOUNT:schedule-group/STACK"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "ACCOUNT", "aws:SourceArn": source}},
    }
    if role["AssumeRolePolicyDocument"]["Statement"] != [trust]:
        yield "ScheduleRole: is for schedules of the stack's group alone"


def log_of(name, resources):
    return functions(resources)[name]["LoggingConfig"].get("LogGroup", "").strip("<>")


def functions_are_complete(resources, _outputs):
    found = functions(resources)
    if set(found) != set(FUNCTIONS):
        yield f"the functions are {sorted(found)} instead of {sorted(FUNCTIONS)}"
        return
    if len({one["Role"] for one in found.values()}) != len(found):
        yield "functions share a role"
    for name, one in found.items():
        short = FUNCTIONS[name]
        if one["FunctionName"] != f"STACK-{short}":
            yield f"{name}: is called {one['FunctionName']}"
        if one.get("Tracing") != "PassThrough":
            yield f"{name}: is not traced as the parameter says"
        group = resources.get(log_of(name, resources), {})
        if group.get("Properties", {}).get("LogGroupName") != f"/aws/lambda/STACK-{short}":
            yield f"{name}: has no log group"
        if "Events" in one:
            yield f"{name}: event sources are declared by themselves"
        given = {known for known in one["Environment"]["Variables"] if not PROVIDER_VARIABLE.fullmatch(known)}
        given -= OWN_VARIABLES.get(name, set())
        missing = {f"CARILLON_{variable}" for variable in VARIABLES} ^ given
        if missing:
            yield f"{name}: variables missing or unknown: {sorted(missing)}"


def logs_end(resources, _outputs):
    for name, one in of_type(resources, "AWS::Logs::LogGroup").items():
        if "RetentionInDays" not in one:
            yield f"{name}: is kept for ever"
    for name, one in of_type(resources, "AWS::ApiGatewayV2::Stage").items():
        if one.get("AccessLogSettings", {}).get("DestinationArn") != "<AccessLog.Arn>":
            yield f"{name}: has no access log"


def access_logs_have_paths(resources, _outputs):
    """Tokens of links stand in queries, and who asks is nobody's business: a line has what is listed here alone."""
    for name, one in of_type(resources, "AWS::ApiGatewayV2::Stage").items():
        logged = set(re.findall(r"\$context\.([\w.]+)", str(one.get("AccessLogSettings", {}).get("Format", ""))))
        for field in sorted(logged - LOGGED_OF_REQUESTS):
            yield f"{name}: its access log has {field}"


def queues_redrive(resources, _outputs):
    sources = of_type(resources, "AWS::Lambda::EventSourceMapping")
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        if not queue.get("SqsManagedSseEnabled") or queue.get("MessageRetentionPeriod") != 14 * 24 * 3600:
            yield f"{name}: is encrypted and keeps its messages for 14 days"
        if name == "DeadLetterQueue":
            continue
        redrive = queue.get("RedrivePolicy", {})
        if redrive.get("deadLetterTargetArn") != "<DeadLetterQueue.Arn>" or redrive.get("maxReceiveCount", 0) < 40:
            yield f"{name}: has no dead letter queue, or gives up too soon"
        readers = [one for one in sources.values() if one["EventSourceArn"] == f"<{name}.Arn>"]
        if len(readers) != 1 or readers[0].get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: has one event source, which reports what failed"
            continue
        function = readers[0]["FunctionName"].strip("<>").removesuffix(".Arn")
        timeout = functions(resources)[function]["Timeout"]
        if not 3 * timeout <= queue["VisibilityTimeout"] <= 240:
            yield f"{name}: shows messages again after three time-outs of {function}, and within four minutes"


def queues_start_so_many(resources, _outputs):
    """Without it a queue's backlog takes all of the account's concurrency, and with it the other functions'."""
    for name, one in of_type(resources, "AWS::Lambda::EventSourceMapping").items():
        if one.get("ScalingConfig") != {"MaximumConcurrency": CONCURRENCY}:
            yield f"{name}: starts {one.get('ScalingConfig')} at once"


def failed_starts_are_dead_letters(resources, _outputs):
    poll = functions(resources)["PollFunction"]
    if poll.get("DeadLetterQueue") != {"Type": "SQS", "TargetArn": "<DeadLetterQueue.Arn>"}:
        yield "PollFunction: what failed asynchronously goes to the dead letter queue"
    if "DestinationConfig" in poll.get("EventInvokeConfig", {}):
        yield "PollFunction: a destination would wrap the job"
    for name in ("PollFunction", "DeliverFunction"):
        if functions(resources)[name].get("RecursiveLoop") != "Allow":
            yield f"{name}: Lambda would take its jobs for a loop"


def state_survives(resources, _outputs):
    for name in ("Table", "DataKey"):
        one = resources[name]
        if (one.get("DeletionPolicy"), one.get("UpdateReplacePolicy")) != ("RetainExceptOnCreate", "Retain"):
            yield f"{name}: goes with the stack"
    table = resources["Table"]["Properties"]
    wanted = {
        "BillingMode": "PAY_PER_REQUEST",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
        "DeletionProtectionEnabled": True,
    }
    for key, value in wanted.items():
        if table.get(key) != value:
            yield f"Table: {key} must be {value}"


def indexes_are_read(resources, _outputs):
    """Global indexes are the log of organizations, which the interface alone reads; the deployed code knows them."""
    table = resources["Table"]["Properties"]
    found = {one["IndexName"]: [key["AttributeName"] for key in one["KeySchema"]] for one in table["GlobalSecondaryIndexes"]}
    if found != GLOBAL_INDEXES:
        yield f"Table: the global indexes are {found} instead of {GLOBAL_INDEXES}"
    for one in table["GlobalSecondaryIndexes"]:
        if one["Projection"]["ProjectionType"] == "ALL":
            yield f"Table: {one['IndexName']} would hold each body once more"
    used = {key["AttributeName"] for keys in _key_schemas(table) for key in keys}
    if {one["AttributeName"] for one in table["AttributeDefinitions"]} != used:
        yield "Table: attributes are declared that no key has, or the other way round"
    for index in GLOBAL_INDEXES:
        readers = {name for name, _, resource in granted(resources, lambda *_: True) if resource.endswith(f"/index/{index}")}
        if readers != {"ApiFunction"}:
            yield f"{index}: is read by {sorted(readers)} instead of ApiFunction"


def _key_schemas(table):
    yield table["KeySchema"]
    for one in table["LocalSecondaryIndexes"] + table["GlobalSecondaryIndexes"]:
        yield one["KeySchema"]


def push_is_apart(resources, _outputs):
    """Notices have routes without an authorizer, each with its own throttle, and reach the function by these alone."""
    routes = {one["RouteKey"]: one for one in of_type(resources, "AWS::ApiGatewayV2::Route").values()}
    if set(routes) != {"$default", *PUSH_ROUTES}:
        yield f"the routes are {sorted(routes)}"
    if any("AuthorizerId" in one or "AuthorizationType" in one for one in routes.values()):
        yield "a route has an authorizer, which providers could not pass"
    (stage,) = of_type(resources, "AWS::ApiGatewayV2::Stage").values()
    wanted = {key: {f"Throttling{limit}Limit": PUSH_LIMIT for limit in ("Rate", "Burst")} for key in PUSH_ROUTES}
    if {key: {limit: str(value) for limit, value in one.items()} for key, one in stage.get("RouteSettings", {}).items()} != wanted:
        yield f"the push routes are not throttled apart: {stage.get('RouteSettings')}"
    # Settings of a route that is not there yet are refused.
    named = {resources[name]["Properties"]["RouteKey"] for name in listed(resources["ApiStage"]["DependsOn"])}
    if named != set(routes):
        yield f"the stage waits for {sorted(named)} alone"
    permissions = [one for one in of_type(resources, "AWS::Lambda::Permission").values() if one["FunctionName"] == "<ApiFunction>"]
    sources = {one["SourceArn"].split("/*/")[-1] for one in permissions}
    if sources != {"$default", "POST/push/*"}:
        yield f"the function may be invoked by {sorted(sources)}"


def downloads_are_streamed(resources, _outputs):
    """Anybody may call the address, since its links say who was allowed to; it is the only way to the function."""
    permissions = [one for one in of_type(resources, "AWS::Lambda::Permission").values() if one["FunctionName"] == "<DownloadFunction>"]
    found = {(one["Action"], one.get("FunctionUrlAuthType"), one.get("InvokedViaFunctionUrl")) for one in permissions}
    if found != {("lambda:InvokeFunctionUrl", "NONE", None), ("lambda:InvokeFunction", None, True)}:
        yield f"the function may be invoked by {sorted(map(str, found))}"
    for name, one in of_type(resources, "AWS::Lambda::Url").items():
        if (one["TargetFunctionArn"], one["InvokeMode"]) != ("<DownloadFunction>", "RESPONSE_STREAM"):
            yield f"{name}: holds what it answers, or is another function's"
    given = functions(resources)["ApiFunction"]["Environment"]["Variables"].get("CARILLON_DOWNLOAD_URL")
    if given != "<DownloadUrl.FunctionUrl>":
        yield f"the interface sends downloads to {given}"


def outputs_are_there(resources, outputs):
    missing = set(OUTPUTS) - set(outputs)
    if missing:
        yield f"outputs missing: {sorted(missing)}"
    admin = dict(pair.split("=", 1) for pair in outputs["AdminEnvironment"]["Value"].split(" "))
    for name, one in functions(resources).items():
        own = OWN_VARIABLES.get(name, set())
        given = {key: str(value) for key, value in one["Environment"]["Variables"].items() if key not in own}
        if given != admin:
            differing = sorted(key for key in given.keys() | admin.keys() if given.get(key) != admin.get(key))
            yield f"AdminEnvironment is not what {name} gets: {differing}"


def granted(resources, wanted):
    """Functions with the actions that they are granted, where `wanted` says so of action and resource."""
    return {
        (name, action, resource)
        for name in FUNCTIONS
        for action, resource, _ in grants(role_of(name, resources))
        if wanted(action, resource)
    }


def wider_for_the_emulator(resources):
    """What the emulator's check of policies needs, and AWS must not have."""
    wide = "arn:aws:scheduler:REGION:ACCOUNT:schedule/default/*"
    batches = ("sqs:SendMessageBatch", "sqs:ChangeMessageVisibilityBatch")
    return granted(resources, lambda action, resource: resource == wide or action in batches)


def widened(resources):
    """What that is, by what there is without it: schedules of the default group, and batches of what is for one."""
    own, wide = (f"arn:aws:scheduler:REGION:ACCOUNT:schedule/{group}/*" for group in ("STACK", "default"))
    schedules = granted(resources, lambda _, resource: resource == own)
    single = ("sqs:SendMessage", "sqs:ChangeMessageVisibility")
    messages = granted(resources, lambda action, resource: action in single and "Dead" not in resource)
    batches = {(name, f"{action}Batch", resource) for name, action, resource in messages}
    return {(name, action, wide) for name, action, _ in schedules} | batches


RULES = [
    actions_are_named,
    resources_are_the_stacks,
    roles_are_least,
    schedules_do_four_things,
    functions_are_complete,
    logs_end,
    access_logs_have_paths,
    queues_redrive,
    queues_start_so_many,
    failed_starts_are_dead_letters,
    state_survives,
    indexes_are_read,
    alarms_reach_somebody,
    dashboard_shows_signals,
    dashboard_is_free,
    push_is_apart,
    downloads_are_streamed,
    outputs_are_there,
    costs_know_the_stack,
]


def broken(text):
    """What a template breaks."""
    source = template.parsed(text)
    resources, outputs = template.evaluated(source, Emulator="false")
    found = [f"{rule.__name__}: {one}" for rule in RULES for one in rule(resources, outputs)]
    if wider_for_the_emulator(resources):
        found.append("emulator: what is for it alone is there without it")
    if source.get("Rules", {}).get("EmulatorHasItsAccount") != EMULATOR_RULE:
        found.append("emulator: what is for it alone is there in any account that asks for it")
    emulated, _ = template.evaluated(source, Emulator="true")
    if wider_for_the_emulator(emulated) != widened(resources):
        found.append("emulator: it does not get exactly what it needs")
    too_wide = [one for one in resources_are_the_stacks(emulated, {}) if "schedule/default/*" not in one]
    found.extend(f"emulator: {one}" for one in too_wide)
    found.extend(f"with_an_admin_key: {one}" for one in with_an_admin_key(source))
    found.extend(f"while_upgraded: {one}" for one in while_upgraded(source))
    found.extend(f"with_polls_bounded: {one}" for one in with_polls_bounded(source))
    return found


def with_an_admin_key(source):
    """The administrator's key is the one secret that is not the stack's; the interface alone reads it."""
    resources, outputs = template.evaluated(source, AdminKeySecret="ADMIN")
    readers = granted(resources, lambda _, resource: resource == ADMIN_KEY)
    if readers != {("ApiFunction", "secretsmanager:GetSecretValue", ADMIN_KEY)}:
        yield f"the key is read by {sorted(readers)}"
    for name, one in functions(resources).items():
        if one["Environment"]["Variables"].get("CARILLON_ADMIN_KEY_SECRET") != "ADMIN":
            yield f"{name}: does not know its name"
    yield from (one for one in resources_are_the_stacks(resources, outputs) if ADMIN_KEY not in one)


def while_upgraded(source):
    """An update of the stack adds one global index at the most, and nothing else differs."""
    resources, _ = template.evaluated(source, TableIndexes="1")
    table = resources["Table"]["Properties"]
    names = [one["IndexName"] for one in table["GlobalSecondaryIndexes"]]
    if names != ["by-organization"]:
        yield f"the first of two updates adds {names}"
    if "Table: attributes" in " ".join(indexes_are_read(resources, {})):
        yield "the first of two updates declares attributes that no key has"


def with_polls_bounded(source):
    """What schedules and queues start of polls together."""
    resources, _ = template.evaluated(source, PollReservedConcurrency="7")
    found = functions(resources)["PollFunction"].get("ReservedConcurrentExecutions")
    if found != "7":
        yield f"polls have a concurrency of {found}"


def silent(text):
    """Rules that do not notice their broken sample."""
    for old, new, rule in SAMPLES:
        if old not in text:
            yield f"no sample for {rule}: `{old}` is not in the template"
        elif not any(one.startswith(f"{rule}:") for one in broken(text.replace(old, new, 1))):
            yield f"{rule} does not notice `{new}` in place of `{old}`"


def main():
    text = FILE.read_text()
    if found := broken(text) or list(silent(text)):
        sys.exit("\n".join(f"infra/template.yaml: {one}" for one in found))
    print(f"infra/template.yaml keeps {len(RULES)} rules; {len(SAMPLES)} broken samples were noticed")


if __name__ == "__main__":
    main()
