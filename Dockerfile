# The demo's recommender; its traffic and the Slack stand-in are other commands of the same image.
FROM python:3.11-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /venv
COPY requirements/image.txt requirements/
RUN /venv/bin/pip install --require-hashes -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY otel_recmon otel_recmon
RUN /venv/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm

RUN useradd --uid 10001 --no-create-home recmon
COPY --from=build /venv /venv
WORKDIR /app
# The recommender as its owner's image would have it: it imports nothing of otel-recmon.
COPY otel_recmon/demo/recommender.py ./
COPY otel_recmon/demo/data data
# Its model was made when the image was.
RUN find data -exec touch {} +
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER recmon
CMD ["opentelemetry-instrument", "uvicorn", "recommender:app", "--host", "0.0.0.0", "--port", "8000", "--log-level", "warning", "--timeout-keep-alive", "75"]
