/** /{o}/{p}/envs/{envName}/actions: store, list, get and delete actions, and list, get and delete their versions. */

import { definitionRoutes } from "../definitions/routes.ts";
import { ACTION_KIND } from "./kind.ts";

export const actionRoutes = definitionRoutes(ACTION_KIND);
