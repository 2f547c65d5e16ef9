import type { AttemptAnswer } from "../../dispatch/delivery.ts";
import type { Attempt } from "../../dispatch/sealed-request.ts";

/** Makes one request, in a Worker invocation of its own. */
export interface Sender {
  send(attempt: Attempt): Promise<AttemptAnswer>;
}
