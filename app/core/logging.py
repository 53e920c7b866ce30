"""One structured line an event, with the request's id; never a personal value, never a path or query as sent."""

import logging
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog


def configure(level: str, stream: TextIO) -> None:
    """Send everything, the libraries' lines too, to `stream` as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_error_text,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(
                    serializer=lambda value, **_: orjson.dumps(value, default=str).decode()
                ),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True  # it writes the query; our own line has the route instead
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def begin_request(request_id: str) -> None:
    """Start the lines of a request with its id."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def current_request_id() -> str | None:
    """Return the id of the request under way, if there is one."""
    request_id: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return request_id


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return log


def _without_error_text(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its kind and where it was raised: the text may quote a value (a failed INSERT does)."""
    raised = event.pop("exc_info", None)
    if raised is True or raised is None:
        return event
    error = raised if isinstance(raised, BaseException) else raised[1]
    if error is not None:
        event["error"] = type(error).__qualname__
        event["raised_at"] = _places(error)
    return event


def _places(error: BaseException) -> list[str]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames[-8:]
