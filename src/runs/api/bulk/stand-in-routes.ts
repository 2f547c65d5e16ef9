/** Stands in for the routes until the core is there, so that the types can be made. Drop this at the merge. */

import { Hono } from "hono";
import { requires } from "../../../auth/bearer.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ApiError } from "../../../http/errors.ts";
import { validBody, validQuery } from "../../../http/validate.ts";
import { bulkItemsQuery, bulkListQuery, bulkRequest } from "./request-schemas.ts";

const missing = () => {
  throw new ApiError("internal_error");
};

export const bulkRoutes = new Hono<AppEnv>()
  .post("/", requires("data:write"), validBody(bulkRequest), missing)
  .get("/", requires("data:read"), validQuery(bulkListQuery), missing)
  .get("/:id", requires("data:read"), missing)
  .get("/:id/items", requires("data:read"), validQuery(bulkItemsQuery), missing)
  .post("/:id/cancel", requires("data:write"), missing);
