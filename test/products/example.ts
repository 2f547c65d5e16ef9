/** The shipped examples, with the hosts, secrets and paths of a test in the places that people fill in. */

import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../src/dev/wrangler.ts";

export type Places = Readonly<Record<string, string>>;

export const shipped = (file: string) => readFileSync(join(ROOT, "examples", file), "utf8");

/** A text of an example, with each key of `places` replaced. Throws if a key is missing, or if a place is left over. */
export function filledIn(text: string, places: Places): string {
  let filled = text;
  for (const [place, value] of Object.entries(places)) {
    if (!filled.includes(place)) throw new Error(`The example lacks ${place}:\n${text}`);
    filled = filled.replaceAll(place, value);
  }
  const [left] = /YOUR_\w+/.exec(filled) ?? [];
  if (left !== undefined) throw new Error(`The test does not replace ${left}.`);
  return filled;
}

/**
 * A project's deploy script, as examples/README.md asks for. It notes what it does in files beside it. The version says
 * how it ends: "fail" fails, and "slow" waits to be stopped.
 */
const DEPLOY_SH = `#!/bin/sh
version=\${1:-$VERSION}
cd "$(dirname "$0")" || exit
echo "$version" >>begun
case $version in
  fail*) echo '3 tests failed' && exit 3 ;;
  slow*)
    trap 'echo "$version" >>stopped; exit 143' TERM
    # Not for longer than whoever started it, because a product can give its jobs a process group of their own.
    while kill -0 "$PPID" 2>/dev/null; do sleep 0.1; done
    ;;
esac
echo "deployed $version"
[ -z "\${OUTPUT_FILE:-}" ] || printf '{"deployed":"%s"}' "$version" >"$OUTPUT_FILE"
`;

/** What stands for /opt/action-runs. */
export class OptFolder {
  readonly path: string;

  /** `files`: of this repository, to copy into it. */
  constructor(folder: string, ...files: readonly string[]) {
    this.path = join(folder, "opt");
    mkdirSync(this.path);
    writeFileSync(join(this.path, "deploy.sh"), DEPLOY_SH);
    chmodSync(join(this.path, "deploy.sh"), 0o755);
    writeFileSync(join(this.path, "begun"), "");
    writeFileSync(join(this.path, "stopped"), "");
    for (const file of files) copyFileSync(join(ROOT, file), join(this.path, file.replace(/.*\//, "")));
  }

  /** The versions whose script has begun, or got TERM, in order. */
  versions(what: "begun" | "stopped"): readonly string[] {
    return readFileSync(join(this.path, what), "utf8").split("\n").slice(0, -1);
  }
}
