/** Lists the shortcuts of the page, and switches them on and off. */

import { useState } from "preact/hooks";
import { Dialog } from "../ui/dialog.tsx";
import { type ShortcutGroup, useKeysRegistry } from "./keys.tsx";
import type { Shortcut } from "./reading.ts";

export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  const keys = useKeysRegistry();
  const [areOn, setOn] = useState(keys.areOn);
  function toggle() {
    keys.switchTo(!areOn);
    setOn(!areOn);
  }
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <label class="switch">
        <input type="checkbox" checked={areOn} onChange={toggle} />
        Use keyboard shortcuts
      </label>
      <div class="shortcuts">
        {[...sectionsOf(keys.groups())].map(([title, shortcuts]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {shortcuts.map((shortcut) => (
                <div key={shortcut.keys}>
                  <dt>{shortcut.label}</dt>
                  <dd>
                    {shortcut.keys.split(" ").map((key) => (
                      <kbd key={key}>{key === "Escape" ? "Esc" : key}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

/** Several parts of a page can register shortcuts under one title. */
function sectionsOf(groups: readonly ShortcutGroup[]): ReadonlyMap<string, readonly Shortcut[]> {
  const sections = new Map<string, readonly Shortcut[]>();
  for (const { title, shortcuts } of groups) {
    sections.set(title, [...(sections.get(title) ?? []), ...shortcuts()]);
  }
  return sections;
}
