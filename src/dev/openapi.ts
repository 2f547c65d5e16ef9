/** `npm run -s openapi`: prints the OpenAPI document. */

import { openApiDocument } from "./document.ts";

console.log(JSON.stringify(await openApiDocument(), null, 2));
