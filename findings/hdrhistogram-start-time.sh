#!/usr/bin/env bash
# The Python package hdrhistogram 0.10.8 can write interval logs, which begin with their start time.
# Guess: output_start_time(milliseconds), as documented, writes that line. True: no time works. A
# present time in milliseconds is taken for seconds (ValueError: the year is out of range), and one in
# seconds meets a method that Python's datetime does not have (AttributeError: iso_format). A writer must
# write the #[StartTime: …] line itself.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv
venv/bin/pip install -q hdrhistogram==0.10.8
venv/bin/python - <<'PY' | tee out
import io
from hdrh.log import HistogramLogWriter
for time in (1_441_812_279_474, 1_441_812_279, 0):
    try:
        HistogramLogWriter(io.StringIO()).output_start_time(time)
        print(time, "written")
    except Exception as error:
        print(time, type(error).__name__)
PY
printf '%s\n' '1441812279474 ValueError' '1441812279 AttributeError' '0 AttributeError' | diff - out
echo 'as stated'
