/** The console's entry: draws the application into the page. */

import { render } from "preact";

const place = document.querySelector("#console");
if (place !== null) render(<h1>Action runs</h1>, place);
