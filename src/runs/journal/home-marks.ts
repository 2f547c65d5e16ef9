/** The marks that say in which database the runs land, and in which other one as well while the environment moves. */

import type { Home } from "../home.ts";
import type { Marks } from "./marks.ts";

/** Where the environment moves. `isClosing`: nothing may land in the home before the target has it. */
export interface MarkedTarget {
  readonly home: Home;
  readonly isClosing: boolean;
}

const UNDECIDED = "undecided";
const CLOSING = "closing";

export class HomeMarks {
  readonly #marks: Marks;

  constructor(marks: Marks) {
    this.#marks = marks;
  }

  /** Null: nothing is noted, as in each journal that has known only one database. */
  get home(): Home | typeof UNDECIDED | null {
    const mark = this.#marks.get("home");
    if (mark === null || mark === UNDECIDED) return mark;
    return homeIn(mark);
  }

  set home(home: Home | typeof UNDECIDED) {
    this.#marks.set("home", home === UNDECIDED ? UNDECIDED : `${home.database}:${home.generation}`);
  }

  get target(): MarkedTarget | null {
    const mark = this.#marks.get("target");
    return mark === null ? null : { home: homeIn(mark), isClosing: mark.endsWith(CLOSING) };
  }

  set target(target: MarkedTarget | null) {
    const { home, isClosing } = target ?? {};
    const mark = home === undefined ? null : `${home.database}:${home.generation}`;
    this.#marks.set("target", isClosing ? `${mark}:${CLOSING}` : mark);
  }
}

function homeIn(mark: string): Home {
  const [database, generation] = mark.split(":");
  return { database: Number(database), generation: Number(generation) };
}
