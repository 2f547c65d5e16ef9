import type { AttemptAnswer } from "../../webhooks/delivery.ts";
import type { Attempt } from "../../webhooks/sealed-request.ts";

/** Makes one request, in a Worker invocation of its own. */
export interface Sender {
  send(attempt: Attempt): Promise<AttemptAnswer>;
}
