/** `npm run -s openapi`: prints the OpenAPI document. */

import { makeDocument } from "./document.ts";

console.log(JSON.stringify(await makeDocument(), null, 2));
