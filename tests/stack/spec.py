"""The description of the interface, /openapi.json, as tests use it."""
import jsonschema_rs


def follow(spec, node):
    """The node, or what its $ref leads to."""
    while isinstance(node, dict) and "$ref" in node:
        place = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            place = place[part]
        node = place
    return node


def check(spec, schema, value):
    """Raises with the place that does not fit."""
    whole = {**schema, "components": spec["components"]}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(value)
