"""Schemas in words, and values that fit them."""

from __future__ import annotations

from typing import Any

import pytest

from agents.api.docs import examples
from agents.api.docs.shapes import Shapes, Word
from agents.api.docs.text import marked

SHAPES = Shapes(
    {
        "DogOut": {"type": "object", "properties": {"name": {"type": "string"}}},
        "Colour": {"type": "string", "enum": ["red", "blue"]},
        "PageOut_DogOut_": {
            "type": "object",
            "properties": {
                "items": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/DogOut"},
                }
            },
        },
    }
)
DOG = {"$ref": "#/components/schemas/DogOut"}


def words(schema: dict[str, Any]) -> str:
    return "".join(word.text for word in SHAPES.kind(schema))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date-time"}, "time"),
        ({"type": "string", "format": "binary"}, "bytes"),
        ({}, "any value"),
        ({"const": True}, "true"),
        ({"$ref": "#/components/schemas/Colour"}, '"red" | "blue"'),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": "array", "items": DOG}, "list of Dog"),
        ({"type": "array"}, "list of any value"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({"type": "object", "additionalProperties": DOG}, "object of Dog"),
        ({"$ref": "#/components/schemas/PageOut_DogOut_"}, "a page of Dog"),
    ],
)
def test_what_a_value_is_is_said_in_words(schema: dict[str, Any], said: str) -> None:
    assert words(schema) == said


def test_a_body_that_may_be_left_out_is_told_like_any_other() -> None:
    (member,) = SHAPES.members({"anyOf": [DOG, {"type": "null"}]})
    assert member.name == "name"


def test_the_name_of_a_shape_is_a_word_of_its_own() -> None:
    told = SHAPES.kind({"anyOf": [{"type": "array", "items": DOG}, {"type": "null"}]})
    assert told == (Word("list of "), Word("Dog", "DogOut"), Word(" or null"))


def test_limits_and_defaults_are_told_where_they_say_something() -> None:
    schema = {
        "type": "integer",
        "description": "How many.",
        "minimum": 1,
        "maximum": 500,
        "default": 100,
    }
    member = SHAPES.member("limit", schema, required=False)
    assert member.notes == "How many. 1 to 500. Default: 100."
    open_ended = {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
    assert SHAPES.member("offset", open_ended, required=False).notes == "At least 1."
    quiet = {"type": "string", "pattern": r"^[^\x00]*$", "default": ""}
    assert SHAPES.member("q", quiet, required=False).notes == ""


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "boolean"}, True),
        ({"type": "string", "examples": ["a", "b"]}, "a"),
        ({"$ref": "#/components/schemas/Colour"}, "red"),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"type": "object", "additionalProperties": True}, {}),
        (DOG, {"name": "web"}),
    ],
)
def test_an_example_fits_its_schema(schema: dict[str, Any], value: Any) -> None:
    assert examples.value(schema, SHAPES) == value


def test_of_members_that_exclude_each_other_one_is_in_the_example() -> None:
    schema = {
        "properties": {
            "action": {"enum": ["start"]},
            "names": {"type": "array", "items": {"type": "string"}},
            "all": {"const": True},
            "wait": {"type": "number", "minimum": 0},
        },
        "required": ["action"],
        "oneOf": [{"required": ["names"]}, {"required": ["all"]}],
        "allOf": [{"oneOf": [{"required": ["wait"]}, {"required": ["all"]}]}],
    }
    assert examples.value(schema, SHAPES) == {
        "action": "start",
        "names": ["web"],
        "wait": 1,
    }


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("a `b` c", "a <code>b</code> c"),
        ("`<b>` & c", "<code>&lt;b&gt;</code> &amp; c"),
        ("one ` alone", "one ` alone"),
        ("`a` and ` b", "<code>a</code> and ` b"),
        ("", ""),
    ],
)
def test_backticks_are_code_and_all_else_is_text(text: str, html: str) -> None:
    assert marked(text) == html
