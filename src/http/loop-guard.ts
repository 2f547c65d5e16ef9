/** Refuses requests that the service itself sends to receivers, so that runs can't start each other in a loop. */

import type { MiddlewareHandler } from "hono";
import { ApiError } from "./errors.ts";

/** On every request that a receiver gets. */
export const DELIVERY_HEADER = "Action-Runs-Delivery";

export const refuseDeliveries: MiddlewareHandler = (c, next) => {
  if (c.req.header(DELIVERY_HEADER) !== undefined) throw new ApiError("loop_detected");
  return next();
};
