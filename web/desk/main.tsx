import { DeskPage } from "./desk_page.js";
import { readLaunch } from "./launch.js";

const root = document.getElementById("page");
const status = document.getElementById("status");
// Without the class, support.js has found the browser too old and left the plain text standing.
if (root && status && document.documentElement.classList.contains("supported")) {
  new DeskPage({ root, status, launch: readLaunch(location.hash) }).start();
}
