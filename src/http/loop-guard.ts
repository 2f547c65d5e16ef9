/** Keeps a webhook from being sent back to our own front door, under whatever name: no loop can be built of runs. */

import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../app-env.ts";
import { ApiError } from "./errors.ts";

/** On every request that a delivery makes. */
export const DELIVERY_HEADER = "Action-Runs-Delivery";

export function refuseDeliveries(): MiddlewareHandler<AppEnv> {
  return function refuseDeliveries(c, next) {
    if (c.req.header(DELIVERY_HEADER) !== undefined) {
      throw new ApiError(
        "loop_detected",
        "A webhook must not call this service itself: send it to what does the work.",
      );
    }
    return next();
  };
}
