import { Diyalog } from "diyalog";
import type { FakeServer } from "../../sdk/test/fake_server.js";
import { Journey } from "../help/journey.js";
import { readLaunch } from "../help/launch.js";
import { initialState, type State, update } from "../help/model.js";
import { Tab } from "../help/tab.js";
import { type View, viewOf } from "../help/view.js";

export const LINK = "#/start?customerId=c1&helpType=chat&deviceHash=d&transactionHash=t";

/** The page without its drawing: what it would show, and what the customer can do. */
export function journeyPage(server: FakeServer, storage: Storage, link = LINK) {
  const launch = readLaunch(link);
  const tab = new Tab(storage, launch.activation?.customerId ?? "");
  const diyalog = new Diyalog({
    url: "https://help.example",
    fetch: (input, init) => server.fetch(input, init),
    WebSocket: server.WebSocket,
    lifecycle: { visible: () => true, subscribe: () => () => {} },
    random: () => 0.5,
  });
  let state: State = initialState(Date.now(), tab.memory.wait);
  const journey = new Journey({
    diyalog,
    tab,
    launch,
    dispatch: (happening) => {
      state = update(state, happening, Date.now());
      tab.update({ wait: state.wait });
    },
    now: () => Date.now(),
    schedule: (callback, afterMs) => {
      const timer = setTimeout(callback, afterMs);
      return () => clearTimeout(timer);
    },
  });
  return { diyalog, journey, tab, view: (): View => viewOf(state, Date.now()) };
}
