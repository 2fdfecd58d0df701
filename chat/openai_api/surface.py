"""The surface that speaks OpenAI's API."""

from chat.http.surface import Surface
from chat.openai_api.errors import answer_error, code_of, status_of
from chat.openai_api.model_schemas import GIVEN as MODELS_GIVEN
from chat.openai_api.model_schemas import IN_PATH as MODELS_IN_PATH
from chat.openai_api.model_schemas import TAKEN as MODELS_TAKEN
from chat.openai_api.operations import OPERATIONS
from chat.openai_api.schemas import GIVEN, IN_PATH, TAKEN

OPENAI = Surface(
    beginning="/v1/",
    operations=OPERATIONS,
    taken={**TAKEN, **MODELS_TAKEN},
    given={**GIVEN, **MODELS_GIVEN},
    in_path={**IN_PATH, **MODELS_IN_PATH},
    may_be_empty=("OpenAiBeginning",),
    error_shape="OpenAiError",
    status_of=status_of,
    code_of=code_of,
    answer_error=answer_error,
)
