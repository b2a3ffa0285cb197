"""A file's path as argument and a limit as JSON on standard input; the limit is kept in the file, and said again."""

import json
import sys
from pathlib import Path


def main() -> None:
    told = json.load(sys.stdin)
    Path(sys.argv[1]).write_text(json.dumps(told))
    json.dump({"limit_a": told["limit_a"]}, sys.stdout)


if __name__ == "__main__":
    main()
