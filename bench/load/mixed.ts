/** A mix of good and bad requests, as a busy service gets them. Memory must not grow with their number. */

import { OPERATIONS } from "./operations.ts";
import { type Accepts, bearer, type Operation, parsed, type State } from "./requests.ts";

const ORDER = [
  "create",
  "heartbeat",
  "get, open run",
  "callback",
  "get, just ended",
  "create",
  "list of 50",
  "refused callback",
  "callback",
  "get, ended run",
  "create",
  "heartbeat",
  "wait",
  "callback",
  "list of 50",
  "create",
  "unknown token",
  "get, open run",
  "callback",
  "refused callback",
] as const;
/** The newest runs stay open, so that no heartbeat reaches a run while its callback is under way. */
const KEPT_OPEN = 32;
const CLIENTS = 200;
/** Paths of runs that a callback has ended and that nobody has read since, the newest last. */
const ended: string[] = [];

export const MIXED: Operation = {
  server: "service",
  next: (state, n = 0) => {
    const name = ORDER[n % ORDER.length] ?? "create";
    const { open, seeds } = state;
    const [oldest, youngest] = [open[0], open.at(-1)];
    if (oldest === undefined || youngest === undefined || open.length < KEPT_OPEN) {
      return OPERATIONS.create.next(state);
    }
    switch (name) {
      case "callback":
        return endOldest(state);
      case "heartbeat": {
        const body = JSON.stringify({ message: `at step ${n}`, progress: 0.5 });
        const path = youngest.path.replace(/callback$/, "heartbeat");
        const headers = { "Content-Type": "application/json", ...bearer(youngest.token ?? "") };
        return { ask: { method: "POST", path, headers, body }, accepts: isRunning };
      }
      case "wait": {
        const path = `${oldest.path.replace(/\/callback$/, "")}?wait=5`;
        return { ask: { method: "GET", path, headers: bearer(seeds.token) }, accepts: isRun(path) };
      }
      case "get, just ended": {
        const path = ended.pop();
        if (path === undefined) return OPERATIONS["get, ended run"].next(state, n);
        const ask = { method: "GET", path, headers: bearer(seeds.token) } as const;
        return { ask, accepts: isRun(path, "succeeded") };
      }
      case "unknown token": {
        const token = `terr_${String(n).padStart(43, "A")}`;
        // A client may send a bounded number of such tokens, and then gets 429.
        const headers = { ...bearer(token), "CF-Connecting-IP": `198.51.100.${n % CLIENTS}` };
        const accepts: Accepts = (status) => status === 401 || status === 429;
        return { ask: { method: "GET", path: seeds.list.path, headers }, accepts };
      }
      default:
        return OPERATIONS[name].next(state, n);
    }
  },
};

/** The response to a heartbeat has the status and the deadline, not the run. */
const isRunning: Accepts = (status, body) => status === 200 && body.startsWith('{"status":"running","deadlineAt":"');

function endOldest(state: State) {
  const request = OPERATIONS.callback.next({ ...state, open: state.open.splice(0, 1) });
  if (request === null) return null;
  const { ask, accepts } = request;
  const andNoted: Accepts = (...answer) => accepts(...answer) && ended.push(ask.path.replace(/\/callback$/, "")) > 0;
  return { ask, accepts: andNoted };
}

/** Accepts the run at `path`, with this status if one is given. */
function isRun(path: string, wanted?: string): Accepts {
  return (status, text) => {
    const { id, status: found } = parsed(text);
    return status === 200 && path.includes(String(id)) && (wanted === undefined || found === wanted);
  };
}
