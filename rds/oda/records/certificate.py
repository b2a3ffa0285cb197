"""Record 4, certificate: a root's word about an operator's key.

kkkk eeeeeeeeeeee 28 x b 28 x a rrrrrrrr ssssssssssssssssssss .... 32 x pppppppp
key 4, epoch 12, not_before 28, not_after 28, roles 8, scope 20, reserved 4, public_key 256
"""

from typing import Final

from rds.oda.certificate import Certificate

RECORD: Final = Certificate
