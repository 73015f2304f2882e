"""Reads a SAM template and works out what it says under given parameters.

What only a deployment knows (`!Ref` and `!GetAtt` of a resource) stands as `<Name>` and `<Name.Attribute>`.
Only what this project's template uses is understood; anything else is an error.
"""

import copy
import re

import yaml

PSEUDO = {
    "AWS::StackName": "STACK",
    "AWS::Region": "REGION",
    "AWS::AccountId": "ACCOUNT",
    "AWS::Partition": "aws",
}
NOTHING = object()


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each as `{"Fn::Name": value}`."""


def _short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_form)


def parsed(text):
    """The template as it is written. CloudFormation knows no YAML aliases."""
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
        raise SystemExit("the template has a YAML alias, which CloudFormation does not take")
    return yaml.load(text, Loader=Loader)


def evaluated(template, **overrides):
    """Resources and outputs that there are with these parameters, functions with their globals."""
    parameters = {name: str(given.get("Default", "")) for name, given in template["Parameters"].items()}
    unknown = set(overrides) - set(parameters)
    if unknown:
        raise SystemExit(f"the template has no parameters {sorted(unknown)}")
    parameters.update(overrides)
    scope = {"parameters": parameters, "conditions": template.get("Conditions", {})}
    resources = {}
    for name, resource in template["Resources"].items():
        if "Condition" in resource and not _holds(resource["Condition"], scope):
            continue
        resource = copy.deepcopy(resource)
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"] = _merged(template["Globals"]["Function"], resource["Properties"])
        resources[name] = _value(resource, scope)
    return resources, _value(template.get("Outputs", {}), scope)


def listed(value):
    return value if isinstance(value, list) else [value]


def of_type(resources, kind):
    return {name: one.get("Properties", {}) for name, one in resources.items() if one["Type"] == kind}


def functions(resources):
    return of_type(resources, "AWS::Serverless::Function")


def _merged(low, high):
    """`high` over `low`, maps field by field."""
    if not (isinstance(low, dict) and isinstance(high, dict)):
        return high
    merged = dict(low)
    for key, value in high.items():
        merged[key] = _merged(low[key], value) if key in low else value
    return merged


def _holds(name, scope):
    return _value(scope["conditions"][name], scope)


def _value(node, scope):
    if isinstance(node, list):
        return [value for value in (_value(item, scope) for item in node) if value is not NOTHING]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        (key, argument), = node.items()
        if key == "Ref" or key.startswith("Fn::"):
            return _function(key, argument, scope)
    pairs = ((key, _value(value, scope)) for key, value in node.items())
    return {key: value for key, value in pairs if value is not NOTHING}


def _function(key, argument, scope):
    if key == "Ref":
        return _reference(argument, scope)
    if key == "Fn::GetAtt":
        return f"<{argument}>"
    if key == "Fn::Sub":
        return re.sub(r"\$\{([^}]+)\}", lambda found: str(_reference(found[1], scope)), argument)
    if key == "Fn::If":
        condition, yes, no = argument
        return _value(yes if _holds(condition, scope) else no, scope)
    values = _value(argument, scope)
    if key == "Fn::Equals":
        return str(values[0]) == str(values[1])
    if key == "Fn::Not":
        return not values[0]
    if key == "Fn::Join":
        return values[0].join(values[1])
    raise SystemExit(f"{key} is not understood")


def _reference(name, scope):
    if name == "AWS::NoValue":
        return NOTHING
    if name in PSEUDO:
        return PSEUDO[name]
    return scope["parameters"].get(name, f"<{name}>")
