// All flows, in one browser: HOLDFAST=/path/of/holdfast npm test.
import "./login.ts";
import "./orders.ts";
import "./busts.ts";
import "./connection.ts";
import "./operate.ts";
import "./hostile.ts";
import "./large.ts";
import "./look.ts";
import { runFlows } from "./harness.ts";

runFlows();
