"""Where a form says what a model has against the whole of it.

The model judges everything: also what this person may not change or does not see.
"""

from __future__ import annotations

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model


def placed(
    form: forms.BaseForm, model: type[Model], error: ValidationError
) -> ValidationError:
    """Each problem once, beside its field if the form has it, else on top.

    Where the form has refused a field already, the model has judged a gap.
    """
    if not hasattr(error, "error_dict"):
        return error
    found: dict[str, list[ValidationError]] = {}
    for name, problems in error.error_dict.items():
        if name in form.errors and name != NON_FIELD_ERRORS:
            continue
        if name in form.fields or name == NON_FIELD_ERRORS:
            found.setdefault(name, []).extend(problems)
            continue
        label = str(model._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
        found.setdefault(NON_FIELD_ERRORS, []).extend(
            ValidationError(f"{label[:1].upper()}{label[1:]}: {text}")
            for problem in problems
            for text in problem.messages
        )
    return ValidationError(found)
