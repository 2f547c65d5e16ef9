/**
 * People see each character of a text that others wrote, such as the name of a branch that they approve. Preact calls
 * this for each element and each text that a component makes, so no component can forget it. What people select and copy
 * is what they see.
 */
import { options } from "preact";
import { visibleText } from "../../base/visible-text.ts";

/** As people see it, with its lines and its tabs. */
export function seen(text: string): string {
  return visibleText(text, "\n\t");
}

/** A control keeps what is sent, and the code finds elements by `data-`. Nobody sees these as they are. */
const RAW = /^(value|defaultValue|data-.*)$/;

/** An element with its attributes, or a text. Those of a component are about what it makes. */
interface Made {
  readonly type: unknown;
  props: string | number | Record<string, unknown>;
}

export function showUnseen(): void {
  options.vnode = (made: Made) => {
    const { type, props } = made;
    if (typeof props === "string") made.props = seen(props);
    if (typeof type !== "string" || typeof props !== "object") return;
    for (const [name, value] of Object.entries(props)) {
      if (typeof value === "string" && !RAW.test(name)) props[name] = seen(value);
    }
  };
}
