# One image for the service and the worker.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/hie && /opt/hie/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /opt/hie/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/hie hie
COPY --from=build /opt/hie /opt/hie
ENV PATH=/opt/hie/bin:$PATH PYTHONUNBUFFERED=1
USER hie
WORKDIR /var/lib/hie
VOLUME /var/lib/hie
EXPOSE 8080 2575 5514/udp 6514
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["hie", "doctor", "--ready", "http://127.0.0.1:8080"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["hie"]
CMD ["serve", "--data", "/var/lib/hie", "--http", "0.0.0.0:8080", "--mllp", "0.0.0.0:2575"]
