"""Makes testdata/npy: small NPY and safetensors files as NumPy and safetensors write them."""
import sys, numpy as np, safetensors
from numpy.lib import format as npf
from safetensors.numpy import save_file

out = sys.argv[1]
rec = np.zeros(3, dtype=[('x', '<f4', (2, 2)), ('y', '<i4'), ('len', '<i4'), ('w', '<f4'), ('id', 'S5')])
rec['x'] = np.arange(12).reshape(3, 2, 2) / 4
rec['y'] = [1, 0, 2]
rec['len'] = [2, 1, 2]
rec['w'] = [1, .5, 2]
rec['id'] = [b'a', b'bcdef', b'']
np.save(f'{out}/records.npy', rec)
big = np.zeros(3, dtype=[('id', 'S5'), ('y', '>i8'), ('x', '>f8', (2, 2)), ('len', 'u1'), ('w', '<f2')])
for name in big.dtype.names:
    big[name] = rec[name]
np.save(f'{out}/big.npy', big)
aligned = np.zeros(3, dtype=np.dtype([('len', 'i1'), ('y', '<i8'), ('w', '<f2'), ('x', '<f8', (2, 2)), ('id', 'S5')],
                                     align=True))
for name in aligned.dtype.names:
    aligned[name] = rec[name]
np.save(f'{out}/aligned.npy', aligned)
same = np.zeros(2, dtype=[('x', '<f4', (2, 3)), ('y', '<f4', (1,))])
same['x'] = np.arange(12).reshape(2, 2, 3) - 5
same['y'] = [[7], [8]]
for version in (1, 2, 3):
    with open(f'{out}/v{version}.npy', 'wb') as f:
        npf.write_array(f, same, version=(version, 0))
np.save(f'{out}/plain_f8.npy', np.arange(6, dtype='<f8').reshape(2, 3) / 8)
np.save(f'{out}/plain_i8.npy', np.array([[1, 2, 3], [-4, 5, 2**31 - 1]], dtype='<i8'))
np.save(f'{out}/bool.npy', np.array([[[True, False]], [[False, True]]]))
np.save(f'{out}/too_big.npy', np.array([[1, 2], [3, 3000000000]], dtype='<i8'))
np.save(f'{out}/overflow.npy', np.array([[1, 2], [3, 1e300]]))
np.save(f'{out}/nan.npy', np.array([[1, 2], [3, np.nan]], dtype='<f4'))
np.save(f'{out}/fortran.npy', np.asfortranarray(np.arange(6, dtype='<f4').reshape(2, 3)))
np.save(f'{out}/unknown.npy', np.zeros(1, dtype=[('x', '<i4', (2,)), ('z', '<f4')]))
np.save(f'{out}/text.npy', np.array(['a', 'b']))
save_file({'a': np.arange(6, dtype='<f4').reshape(2, 3), 'b': np.array([1, -2], dtype='<i8'),
           's': np.array(2.5, dtype='<f8')}, f'{out}/three.safetensors', metadata={'format': 'x', 'k': '價'})
save_file({'h': np.zeros(2, dtype='<f2')}, f'{out}/half.safetensors')
with open(f'{out}/README', 'w') as f:
    f.write('Made by scripts/golden/npy.py with NumPy %s and safetensors %s.\n' % (np.__version__, safetensors.__version__))
