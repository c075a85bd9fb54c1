import { describe, expect, it, vi } from "vitest";
import { Notices, type NoticesState, type NotificationMaker } from "../desk/notices.js";
import { Preference } from "../desk/preference.js";
import { memoryStorage } from "./memory_storage.js";

class Made {
  onclick: ((event: Event) => void) | null = null;
  closed = false;
  constructor(
    readonly title: string,
    readonly options: NotificationOptions,
  ) {}
  close(): void {
    this.closed = true;
  }
}

function noticing(answer: NotificationPermission, before: NotificationPermission = "default") {
  const made: Made[] = [];
  let permission = before;
  class Maker extends Made {
    static get permission() {
      return permission;
    }
    static async requestPermission() {
      permission = answer;
      return answer;
    }
    constructor(title: string, options: NotificationOptions) {
      super(title, options);
      made.push(this);
    }
  }
  const stood: NoticesState[] = [];
  const storage = memoryStorage();
  const parts = {
    maker: Maker as unknown as NotificationMaker,
    wanted: new Preference(storage, "notices", false),
    seen: vi.fn(() => false),
    comeForward: vi.fn(),
    changed: (state: NoticesState) => stood.push(state),
  };
  return { notices: new Notices(parts), parts, made, stood, storage };
}

describe("notifications of the system", () => {
  it("are not shown before the agent has asked for them", () => {
    const { notices, made } = noticing("granted", "granted");
    notices.tell("Someone is waiting");
    expect(made).toEqual([]);
    expect(notices.state).toBe("off");
  });

  it("are shown while the desk is not seen, and close when it is", async () => {
    const { notices, parts, made, stood } = noticing("granted");
    await notices.toggle();
    expect(stood).toEqual(["on"]);
    notices.tell("Someone is waiting");
    expect(made.map(({ title, options }) => [title, options.tag])).toEqual([
      ["Someone is waiting", "diyalog.desk"],
    ]);
    notices.clear();
    expect(made[0]?.closed).toBe(true);
    parts.seen.mockReturnValue(true);
    notices.tell("A new message");
    expect(made.length).toBe(1);
  });

  it("bring the desk to the front when they are clicked", async () => {
    const { notices, parts, made } = noticing("granted");
    await notices.toggle();
    notices.tell("A new message");
    made[0]?.onclick?.(new Event("click"));
    expect(parts.comeForward).toHaveBeenCalledOnce();
    expect(made[0]?.closed).toBe(true);
  });

  it("stay off where the browser does not allow them, and say so", async () => {
    const { notices, stood, made, parts } = noticing("denied");
    await notices.toggle();
    expect(stood).toEqual(["refused"]);
    expect(parts.wanted.on).toBe(false);
    notices.tell("Someone is waiting");
    expect(made).toEqual([]);
    await notices.toggle();
    expect(stood).toEqual(["refused", "refused"]);
  });

  it("stay off where there are none", async () => {
    const { parts } = noticing("granted");
    const notices = new Notices({ ...parts, maker: null });
    await notices.toggle();
    expect(notices.state).toBe("refused");
  });

  it("are remembered, as long as the browser still allows them", async () => {
    const { notices, parts } = noticing("granted");
    await notices.toggle();
    expect(new Notices(parts).state).toBe("on");
    const taken = noticing("denied", "denied");
    expect(new Notices({ ...parts, maker: taken.parts.maker }).state).toBe("off");
  });

  it("are switched off again", async () => {
    const { notices, parts, made, stood } = noticing("granted");
    await notices.toggle();
    notices.tell("Someone is waiting");
    await notices.toggle();
    expect(stood).toEqual(["on", "off"]);
    expect(made[0]?.closed).toBe(true);
    expect(parts.wanted.on).toBe(false);
  });

  it("switch themselves off where only a service worker may show them", async () => {
    const { notices, parts, stood } = noticing("granted");
    const maker = class {
      static permission = "granted" as const;
      static requestPermission = async () => "granted" as const;
      constructor() {
        throw new TypeError("Illegal constructor");
      }
    } as unknown as NotificationMaker;
    const phone = new Notices({ ...parts, maker });
    await phone.toggle();
    phone.tell("Someone is waiting");
    expect(stood).toEqual(["on", "refused"]);
    expect(notices.state).toBe("off");
  });
});

describe("what the agent has switched", () => {
  it("has a standard, and is kept", () => {
    const storage = memoryStorage();
    expect(new Preference(storage, "shortcuts", true).on).toBe(true);
    new Preference(storage, "shortcuts", true).keep(false);
    expect(new Preference(storage, "shortcuts", true).on).toBe(false);
    expect(new Preference(storage, "comfortable", false).on).toBe(false);
  });

  it("has the standard where nothing is kept", () => {
    const none = new Preference(null, "shortcuts", true);
    none.keep(false);
    expect(none.on).toBe(true);
  });
});
