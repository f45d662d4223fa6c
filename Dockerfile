# One image for web, worker and beat; docker-compose.yml tells them apart by their commands.
FROM python:3.11-slim

WORKDIR /app
COPY . .
# The same set-up as `make run`: packages from the locks, browser app with the Node from a wheel.
RUN python tools/setup.py run && rm -rf .cache frontend/node_modules

RUN useradd --create-home --uid 1000 r1web && mkdir /data && chown r1web /data
USER r1web
ENV DJANGO_SETTINGS_MODULE=r1web.settings.production \
    PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    R1WEB_HOME=/data
VOLUME /data
EXPOSE 8000
