# lopa-bench on the CPU, with the versions of constraints.txt:
#   docker build -t lopa-bench .
#   docker run --rm -v "$PWD/runs:/home/user/runs" lopa-bench task=rte method=lopa
FROM python:3.11-slim
ARG EXTRAS=figures,parquet
COPY . /src
# PyTorch's own index has the build without CUDA.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -c /src/constraints.txt "/src[$EXTRAS]" && rm -r /src
RUN useradd --create-home --uid 1000 user
USER user
WORKDIR /home/user
ENTRYPOINT ["lopa-bench"]
