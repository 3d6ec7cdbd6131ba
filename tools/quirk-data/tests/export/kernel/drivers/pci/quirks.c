// SPDX-License-Identifier: GPL-2.0-only
/*
 * Not the kernel's file: only its shape, as far as the export looks at it, and some
 * things in it to stumble over. pci_dev_acs_enabled[] = { { 0 } }; is no table here.
 */
static int pci_quirk_mf_endpoint_acs(struct pci_dev *dev, u16 acs_flags);
static const char *const text = "static pci_dev_acs_enabled[] = { \" { 0 }";

static int pci_acs_ctrl_enabled(u16 asked, u16 granted)
{
	return (asked & granted) == asked;
}

/* A vendor's list; 0x0020 is not in it. */
static const u16 pci_quirk_listed_ids[] = { 0x0010, 0x0011 };

static bool pci_quirk_listed_match(struct pci_dev *dev)
{
	if (pci_pcie_type(dev) != PCI_EXP_TYPE_ROOT_PORT)
		return false;

	switch (dev->device) {
	/* case 0x0020: */
	case 0x0030 ... 0x003f:
		return true;
	}
	return dev->device == pci_quirk_listed_ids[0] ||
	       dev->device == pci_quirk_listed_ids[1];
}

static int pci_quirk_listed_acs(struct pci_dev *dev, u16 acs_flags)
{
	if (!pci_quirk_listed_match(dev))
		return -ENOTTY;
	return pci_acs_ctrl_enabled(acs_flags, PCI_ACS_RR);
}

static int pci_quirk_zhaoxin_pcie_ports_acs(struct pci_dev *dev, u16 acs_flags)
{
	if (pci_pcie_type(dev) != PCI_EXP_TYPE_ROOT_PORT &&
	    pci_pcie_type(dev) != PCI_EXP_TYPE_DOWNSTREAM)
		return -ENOTTY;

	switch (dev->device) {
	case 0x0710:
	case 0x0740 ... 0x0752:
		return pci_acs_ctrl_enabled(acs_flags,
			PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF);
	}

	return false;
}

static int pci_quirk_mf_endpoint_acs(struct pci_dev *dev, u16 acs_flags)
{
	return pci_acs_ctrl_enabled(acs_flags,
		PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_RR |
		PCI_ACS_CR | PCI_ACS_UF | PCI_ACS_DT);
}

static int pci_quirk_rciep_acs(struct pci_dev *dev, u16 acs_flags)
{
	if (pci_pcie_type(dev) != PCI_EXP_TYPE_RC_END)
		return -ENOTTY;

	return pci_acs_ctrl_enabled(acs_flags,
		PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF);
}

static int pci_quirk_wangxun_nic_acs(struct pci_dev *dev, u16 acs_flags)
{
	switch (dev->device) {
	case 0x0100 ... 0x010f: /* a family */
	case 0x1001: case 0x2001:
		return pci_acs_ctrl_enabled(acs_flags,
			PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF);
	}

	return 0;
}

/* What belongs to the table stays with it. */
static const struct pci_dev_acs_enabled {
	u16 vendor;
	u16 device;
	int (*acs_enabled)(struct pci_dev *dev, u16 acs_flags);
} pci_dev_acs_enabled[] = {
	/* { 0 } */
	{ PCI_VENDOR_ID_SECOND_NAME, 0x0001, pci_quirk_mf_endpoint_acs },
	{ PCI_VENDOR_ID_SECOND_NAME, PCI_DEVICE_ID_NAMED, pci_quirk_mf_endpoint_acs },
	{ PCI_VENDOR_ID_SECOND_NAME, PCI_ANY_ID, pci_quirk_rciep_acs },
	{ PCI_VENDOR_ID_SECOND_NAME, PCI_ANY_ID, pci_quirk_listed_acs },
	{ 0xaceb, 0x710, pci_quirk_mf_endpoint_acs }, /* written short */
	{ PCI_VENDOR_ID_ZHAOXIN, PCI_ANY_ID, pci_quirk_zhaoxin_pcie_ports_acs },
	{ PCI_VENDOR_ID_WANGXUN, PCI_ANY_ID, pci_quirk_wangxun_nic_acs },
	{ 0 }
};

int pci_dev_specific_acs_enabled(struct pci_dev *dev, u16 acs_flags)
{
	const struct pci_dev_acs_enabled *i;
	int ret;

	for (i = pci_dev_acs_enabled; i->acs_enabled; i++) {
		if ((i->vendor == dev->vendor || i->vendor == (u16)PCI_ANY_ID) &&
		    (i->device == dev->device || i->device == (u16)PCI_ANY_ID)) {
			ret = i->acs_enabled(dev, acs_flags);
			if (ret >= 0)
				return ret;
		}
	}

	return -ENOTTY;
}
