/** /{o}/{p}/envs/{envName}/actions: store, list, get and delete actions, and list, get and delete their versions. */

import { definitionRoutes } from "../definitions/routes.ts";
import { ACTION_KIND, type AfterActionWrite } from "./kind.ts";

export function actionRoutes(afterWrite: AfterActionWrite) {
  return definitionRoutes({ ...ACTION_KIND, afterWrite });
}
