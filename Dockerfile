# One image for web, scheduler and worker; docker-compose.yml tells them apart by their commands.
FROM python:3.11.11-slim-bookworm AS build

WORKDIR /app
COPY . .
# The same set-up as `make run`: packages from the locks, browser app with the Node from a wheel.
RUN python tools/setup.py run && rm -rf .cache frontend/node_modules

FROM python:3.11.11-slim-bookworm

RUN useradd --create-home --uid 1000 r1web && mkdir /data && chown r1web /data
COPY --from=build /app /app
WORKDIR /app
USER 1000
ENV DJANGO_SETTINGS_MODULE=r1web.settings.production \
    PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    R1WEB_HOME=/data
VOLUME /data
EXPOSE 8000
