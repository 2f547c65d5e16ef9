/** What to type to make the first run. PURE. The token stands in a variable and not in the command. */

import type { Place } from "../routes/pages.ts";

/** `origin`: of the service. curl reads the header from stdin, because everybody on a machine can see command lines. */
export function curlFirstRun(origin: string, { o, p, envName }: Place): string {
  return [
    `printf 'Authorization: Bearer %s' "$ACTION_RUNS_TOKEN" |`,
    `  curl -sS -X POST ${origin}/${o}/${p}/envs/${envName}/action-runs -H @- \\`,
    `    -H 'Content-Type: application/json' -d '{"actionName":"deploy"}'`,
  ].join("\n");
}

/** The command line reads $ACTION_RUNS_TOKEN by itself. */
export function cliFirstRun(origin: string, { o, p, envName }: Place): string {
  return `action-runs create deploy --url ${origin} --org ${o} --project ${p} --env ${envName}`;
}
