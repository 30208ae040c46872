// Histograms by hdr-histogram-js, encoded, with what it says is recorded: node peer_hdr.js SEED gives JSON
// [[name, base64, [[lowest, highest, count] of each recorded bucket]]].
'use strict';
const path = require('path');
const hdr = require(path.join(__dirname, '../../build/node/node_modules/hdr-histogram-js'));
let seed = Number(process.argv[2]);
const draw = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
const shapes = [[3, 1, 3600000000, 2000], [2, 1, 100000, 500], [1, 16, 1048576, 200], [3, 1, 2, 300], [5, 1, 10000000, 400], [4, 1000, 60000000, 100]];
const out = [];
for (const [digits, lowest, highest, n] of shapes) {
  const resizes = highest === 2;
  const h = hdr.build({ bitBucketSize: 32, autoResize: resizes, lowestDiscernibleValue: lowest, highestTrackableValue: highest, numberOfSignificantValueDigits: digits });
  for (let i = 0; i < n; i++)
    h.recordValueWithCount(Math.floor(Math.exp(draw() * Math.log(resizes ? 90000 : highest / 2))), 1 + Math.floor(draw() * 40));
  const recorded = [], it = h.recordedValuesIterator;
  it.reset();
  while (it.hasNext()) {
    const v = it.next();
    recorded.push([h.lowestEquivalentValue(v.valueIteratedTo), h.highestEquivalentValue(v.valueIteratedTo), v.countAtValueIteratedTo]);
  }
  out.push([`js ${digits} ${lowest} ${highest}`, hdr.encodeIntoCompressedBase64(h), recorded]);
}
console.log(JSON.stringify(out));
