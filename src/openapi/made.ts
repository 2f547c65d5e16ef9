/** Makes the OpenAPI document of this source. */

import { createApp } from "../app.ts";
import { openApiDocument } from "./document.ts";

export async function makeDocument() {
  return openApiDocument(createApp());
}
