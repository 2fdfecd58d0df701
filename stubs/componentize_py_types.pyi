# What componentize-py 0.23 puts into each component, and into no environment.
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

_T = TypeVar("_T")
_E = TypeVar("_E")

@dataclass
class Ok(Generic[_T]):
    value: _T

@dataclass(frozen=True)
class Err(Exception, Generic[_E]):
    value: _E

Result: TypeAlias = Ok[_T] | Err[_E]
