// The checkout page counts exactly.
import assert from "node:assert/strict";
import test from "node:test";
import { baseUrl } from "./system.mjs";

const script = await (await fetch(`${baseUrl}/purchase/assets/money.js`)).text();
const { cents, money, plainly, times } = await import("data:text/javascript," + encodeURIComponent(script));

test("amounts and quantities are exact", () => {
  for (const [amount, count, product] of [
    ["2.50", 3, "7.50"], ["0.1", 3, "0.3"], ["12.34", 3, "37.02"], ["19.99", 100, "1999.00"], ["300", 2, "600"], ["0", 7, "0"], ["0.00", 1, "0.00"],
    ["9007199254740993", 1, "9007199254740993"], ["99999999999999999999.99", 2147483647, "214748364699999999999978525163.53"],
    ["1e21", 3, "3000000000000000000000"], ["1e-7", 3, "0.0000003"], ["1.5e+1", 2, "30"],
  ]) {
    assert.equal(times(amount, count), product, `${count} times ${amount}`);
  }
  for (const [amount, want] of [["19.99", 1999n], ["19.9", 1990n], ["7", 700n], ["0.29", 29n], ["0", 0n], ["1.1", 110n], ["4.35", 435n]]) {
    assert.equal(cents(amount), want, amount);
  }
  assert.match(money("1234567890123456.78", "USD"), /1,234,567,890,123,456\.78/);
  assert.match(money("300", "JPY"), /300$/);
  assert.equal(plainly("1000000000000000000000.5"), "1,000,000,000,000,000,000,000.5");
});

test("whatever the amount, as if counted on paper", () => {
  for (let n = 0; n < 2000; n++) {
    const units = BigInt(Math.floor(Math.random() * 2 ** 50));
    const count = 1 + Math.floor(Math.random() * 1000);
    const amount = `${units / 100n}.${String(units % 100n).padStart(2, "0")}`;
    const product = units * BigInt(count);
    assert.equal(times(amount, count), `${product / 100n}.${String(product % 100n).padStart(2, "0")}`);
    assert.equal(cents(amount), units);
  }
});
